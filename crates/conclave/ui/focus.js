/**
 * The keyboard's place: what had the focus last, until one presses beside it.
 *
 * @type {HTMLElement | null}
 */
let held = null;
addEventListener("focusin", ({ target }) => {
  held = target instanceof HTMLElement ? target : null;
});
addEventListener("pointerdown", () => { held = null; });

/**
 * Puts a lost focus back: on what was only busy for a while, or else on what is around it.
 *
 * @param {HTMLElement | null} around
 */
export function keepFocus(around) {
  if (!held || document.activeElement !== document.body) return;
  (held.isConnected ? held : around)?.focus();
}

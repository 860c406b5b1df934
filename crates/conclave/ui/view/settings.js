/** @import { Actions, Screen, Settings } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { SHORTCUTS } from "../keys.js";
import { LANGUAGES, t } from "../words.js";
import { box, choices } from "./gear.js";
import { icon } from "./icon.js";

/**
 * The settings, or the sheet of the keys, over everything else.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function dialogs(screen, actions) {
  if (screen.question) return nothing;
  if (screen.dialog === "settings") return dialog("settings", t("settings.title"), actions, settings(screen, actions));
  if (screen.dialog === "keys") return dialog("keys", t("keys.title"), actions, keys(screen));
  return nothing;
}

/**
 * @param {"settings" | "keys"} name
 * @param {string} title
 * @param {Actions} actions
 * @param {unknown} content
 */
function dialog(name, title, actions, content) {
  const close = () => actions.tell({ kind: "dialog", dialog: null });
  return html`<dialog class="wide" data-of=${name} aria-labelledby="dialog-title" @cancel=${(/** @type {Event} */ event) => {
    event.preventDefault();
    close();
  }}>
    <header class="head"><h2 id="dialog-title">${title}</h2>
      <button type="button" class="plain" aria-label=${t("panel.close")} @click=${close}>${icon("close")}</button></header>
    ${content}
  </dialog>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
function settings(screen, actions) {
  const { settings: now } = screen;
  return html`<form class="settings" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${choice(t("settings.language"), now.language, [["", t("settings.language.browser")],
      ...Object.entries(LANGUAGES)], (value) => actions.set({ language: /** @type {Settings["language"]} */ (value) }))}
    ${choice(t("settings.theme"), now.theme, [["system", t("theme.system")], ["light", t("theme.light")],
      ["dark", t("theme.dark")], ["contrast", t("theme.contrast")]],
      (value) => actions.set({ theme: /** @type {Settings["theme"]} */ (value) }))}
    ${choice(t("settings.scale"), now.scale, [["100", "100 %"], ["125", "125 %"], ["150", "150 %"]],
      (value) => actions.set({ scale: /** @type {Settings["scale"]} */ (value) }))}
    ${box(t("settings.calm"), now.calm, false, (calm) => actions.set({ calm }))}
    ${box(t("settings.captions"), now.captions, false, (captions) => actions.set({ captions }))}
    ${box(t("settings.notify"), now.notify, !("Notification" in globalThis), (on) => void notify(on, actions))}
    ${box(t("settings.keys"), now.keys, false, (on) => actions.set({ keys: on }))}
  </form>
  <h3>${t("gear.title")}</h3>
  ${choices(screen, actions)}`;
}

/**
 * Notes of the system need the browser's leave.
 *
 * @param {boolean} on
 * @param {Actions} actions
 */
async function notify(on, actions) {
  actions.set({ notify: on && await Notification.requestPermission() === "granted" });
}

/**
 * @param {string} name
 * @param {string} chosen
 * @param {string[][]} all values and their words
 * @param {(value: string) => void} set
 */
function choice(name, chosen, all, set) {
  return html`<label class="field">${name}
    <select @change=${(/** @type {Event} */ { target }) => set(/** @type {HTMLSelectElement} */ (target).value)}>
      ${all.map(([value, text]) => html`<option value=${value} ?selected=${value === chosen}>${text}</option>`)}
    </select></label>`;
}

/** @param {Screen} screen */
function keys({ settings: now }) {
  return html`
    <p>${t(now.keys ? "keys.text" : "keys.off")}</p>
    <dl class="table keys">${SHORTCUTS.map(({ key, word }) => html`
      <div><dt>${t(word)}</dt><dd><kbd>${key.toUpperCase()}</kbd></dd></div>`)}
      <div><dt>${t("keys.sheet")}</dt><dd><kbd>?</kbd></dd></div>
      <div><dt>${t("keys.close")}</dt><dd><kbd>Esc</kbd></dd></div>
    </dl>`;
}

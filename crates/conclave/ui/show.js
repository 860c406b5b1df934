/** What the page does with its elements beside drawing them: places, dialogs, whole screens. */
import { place } from "./arrange.js";

/**
 * Opens the dialogs that were drawn; those that are no longer wanted close first, so that focus goes
 * back to where they came from.
 *
 * @param {HTMLElement} root
 * @param {string | null} wanted
 */
export function closeOthers(root, wanted) {
  for (const dialog of root.querySelectorAll("dialog")) if (dialog.dataset.of !== wanted) dialog.close();
}

/** @param {HTMLElement} root */
export function openDialogs(root) {
  for (const dialog of root.querySelectorAll("dialog")) if (!dialog.open) dialog.showModal();
}

/** The stage whose size is watched. @type {HTMLElement | null} */
let stage = null;
const sizes = new ResizeObserver(() => { if (stage) place(stage); });

/** Puts the tiles in their places, and again whenever the stage has another size.
 * @param {HTMLElement} root
 */
export function arrange(root) {
  const found = /** @type {HTMLElement | null} */ (root.querySelector(".tiles"));
  if (found !== stage) {
    sizes.disconnect();
    stage = found;
    if (found) sizes.observe(found);
  }
  if (found) place(found);
}

/** A tile, or the whole room, on the whole screen, and back.
 * @param {number | null} idx
 */
export async function fill(idx) {
  if (document.fullscreenElement) return document.exitFullscreen();
  const found = idx === null ? document.querySelector(".room") : tile(idx);
  await found?.requestFullscreen().catch(() => undefined);
}

/** A picture in a window of its own that stays above all others, and back.
 * @param {number} idx
 */
export async function float(idx) {
  if (document.pictureInPictureElement) return document.exitPictureInPicture();
  await tile(idx)?.querySelector("video")?.requestPictureInPicture?.().catch(() => undefined);
}

/** @param {number} idx */
function tile(idx) {
  return document.querySelector(`.tile[data-idx="${idx}"]`);
}

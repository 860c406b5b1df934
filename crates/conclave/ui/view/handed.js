/** @import { Actions, Handed, Screen } from "../types.js" */
import { html } from "../node_modules/lit-html/lit-html.js";
import { icon } from "./icon.js";
import { t } from "../words.js";

/**
 * A link to hand over, its picture, and a way to copy it.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 * @param {Handed} handed
 * @param {string} name
 */
export function handed(screen, actions, { link, qr }, name) {
  return html`
    <svg class="qr" role="img" aria-label=${t("handed.qr")} viewBox="0 0 ${qr.size} ${qr.size}">
      <rect width=${qr.size} height=${qr.size}></rect><path d=${qr.path}></path>
    </svg>
    <label class="field">${name}
      <input readonly .value=${link} @focus=${(/** @type {FocusEvent} */ event) =>
        /** @type {HTMLInputElement} */ (event.target).select()}>
    </label>
    <button type="button" class="main wide" @click=${() => actions.copy(link)}>
      ${icon(screen.said === t("said.copied") ? "check" : "copy")}<span>${t("handed.copy")}</span></button>`;
}

/**
 * A field for a link that was handed over.
 *
 * @param {string} name
 * @param {string} begins
 * @param {boolean} busy
 */
export function linkField(name, begins, busy) {
  return html`<label class="field">${name}
    <input name="link" required maxlength="2048" autocomplete="off" spellcheck="false"
      placeholder="${begins}#…" ?disabled=${busy}>
  </label>`;
}

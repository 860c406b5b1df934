/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html } from "../node_modules/lit-html/lit-html.js";
import { icon } from "./icon.js";
import { panel } from "./panel.js";

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function invite(screen, meeting, actions) {
  const given = meeting.invite;
  if (!given) return html``;
  const { link, qr } = given;
  return panel("Invite", actions, html`
    <p>Whoever has this link can ask to come in. You decide about each of them.</p>
    <svg class="qr" role="img" aria-label="QR code of the link" viewBox="0 0 ${qr.size} ${qr.size}">
      <rect width=${qr.size} height=${qr.size}></rect><path d=${qr.path}></path>
    </svg>
    <label class="field">Link of this meeting
      <input readonly .value=${link} @focus=${(/** @type {FocusEvent} */ event) =>
        /** @type {HTMLInputElement} */ (event.target).select()}>
    </label>
    <button type="button" class="main wide" @click=${() => actions.copy(link)}>
      ${icon("copy")}<span>Copy link</span></button>
    <p class="hint">${screen.said === "Copied" ? "Copied. Send it over a channel you trust." : "Send it over a channel you trust."}</p>`);
}

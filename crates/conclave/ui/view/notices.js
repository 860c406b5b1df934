/** @import { Actions, Refusal, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { place } from "../state.js";
import { sentence } from "./form.js";
import { icon } from "./icon.js";
import { t } from "../words.js";

/**
 * What the person should know, newest last.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function notices(screen, actions) {
  const known = screen.daemon?.meeting?.notices ?? [];
  const toasts = screen.toasts.filter((toast) => !known.some(({ id }) => id === toast.id));
  const where = place(screen);
  // What was only good to know in a meeting is no news after it.
  const all = [
    ...known.filter(({ level }) => where === "meeting" || level !== "info"),
    ...toasts.filter(({ level }) => where !== "over" || level !== "info"),
  ].slice(-MOST);
  return html`<div class="notices" role="status">
    ${screen.connection === "lost" && screen.daemon ? html`
      <div class="notice error"><p><strong>${t("error.silent")}</strong>
        ${t("error.silent.next")}</p></div>` : nothing}
    ${all.map(({ id, level, text, next }) => html`
      <div class="notice ${level}">
        <p><span class="unseen">${t(LEVELS[level])}: </span><strong>${sentence(text)}</strong> ${sentence(next)}</p>
        <button type="button" class="plain" aria-label=${t("notice.dismiss", { text })}
          @click=${() => actions.dismiss(id)}>${icon("close")}</button>
      </div>`)}
  </div>`;
}

/** News that fade by themselves and move nothing; listeners hear them from the page's own voice.
 * @param {Screen} screen
 */
export function heard({ heard }) {
  return html`<div class="heard" aria-hidden="true">${heard.map(({ text }) => html`<p class="quiet">${text}</p>`)}</div>`;
}

/** @param {Refusal | null} refused */
export function refusal(refused) {
  return refused ? html`<div class="refusal" role="alert">
    <strong>${sentence(refused.error)}</strong> ${sentence(refused.next)}
  </div>` : nothing;
}

/** @type {Record<import("../types.js").Notice["level"], import("../words.js").Key>} */
const LEVELS = { error: "notice.error", info: "notice.info", warn: "notice.warn" };
const MOST = 4;

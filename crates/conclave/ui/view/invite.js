/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { calendar } from "../ics.js";
import { landed } from "../links.js";
import { fileName } from "../record.js";
import { t } from "../words.js";
import { fields } from "./form.js";
import { handed } from "./handed.js";
import { panel } from "./panel.js";

/**
 * The link of the meeting; a page and a letter around it for who has no Conclave yet; a date for calendars.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function invite(screen, meeting, actions) {
  if (!meeting.invite) return html``;
  const { link } = meeting.invite;
  const title = meeting.title || t("meeting.untitled");
  const letter = t("invite.letter", { title, link });
  return panel(t("invite.title"), actions, html`
    ${meeting.locked ? html`<p><strong>${t("invite.locked")}</strong> ${t("invite.locked.next")}</p>`
      : html`<p>${t("invite.text")}</p>`}
    ${handed(screen, actions, meeting.invite, t("invite.link"))}
    <p class="hint">${screen.said === t("said.copied") ? `${t("said.copied")}. ` : ""}${t("invite.send")}</p>
    <h3>${t("invite.newcomer")}</h3>
    ${landing(landed(screen.daemon?.network.landing, meeting), actions)}
    <p class="hint">${t("invite.newcomer.text")}</p>
    <button type="button" @click=${() => actions.copy(letter)}>${t("invite.copy")}</button>
    <details>
      <summary>${t("invite.plan")}</summary>
      <form @submit=${fields((field) => {
        const start = new Date(field("start"));
        const event = { mid: meeting.mid, title, link, text: letter, start, minutes: Number(field("minutes")), now: new Date() };
        actions.download(`${fileName(title)}.ics`, "text/calendar", calendar(event));
      })}>
        <label class="field">${t("invite.start")}<input name="start" type="datetime-local" required></label>
        <label class="field">${t("invite.minutes")}
          <select name="minutes">${[30, 45, 60, 90, 120].map((minutes) => html`
            <option value=${minutes} ?selected=${minutes === 60}>${t("invite.for", { minutes })}</option>`)}</select></label>
        <button class="main">${t("invite.export")}</button>
        <p class="hint">${t("invite.plan.hint")}</p>
      </form>
    </details>`);
}

/**
 * The invite as the address of a page that says how to come in.
 *
 * @param {string | null} link
 * @param {Actions} actions
 */
function landing(link, actions) {
  if (!link) return nothing;
  return html`<label class="field">${t("invite.landing")}
      <input readonly .value=${link} @focus=${(/** @type {FocusEvent} */ event) =>
        /** @type {HTMLInputElement} */ (event.target).select()}></label>
    <p class="hint">${t("invite.landing.text", { host: new URL(link).host })}</p>
    <button type="button" @click=${() => actions.copy(link)}>${t("invite.landing.copy")}</button>`;
}

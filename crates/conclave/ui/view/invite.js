/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html } from "../node_modules/lit-html/lit-html.js";
import { handed } from "./handed.js";
import { panel } from "./panel.js";

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function invite(screen, meeting, actions) {
  if (!meeting.invite) return html``;
  return panel("Invite", actions, html`
    ${meeting.locked ? html`<p><strong>The meeting is locked: nobody new can ask to come in.</strong> The
      link works again when you unlock it.</p>`
      : html`<p>Whoever has this link can ask to come in. You decide about each of them.</p>`}
    ${handed(screen, actions, meeting.invite, "Link of this meeting")}
    <p class="hint">${screen.said === "Copied" ? "Copied. Send it over a channel you trust." : "Send it over a channel you trust."}</p>`);
}

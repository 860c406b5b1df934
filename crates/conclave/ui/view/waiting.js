/** @import { Actions, Phase, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { icon } from "./icon.js";
import { refusal } from "./notices.js";
import { mirror } from "./preview.js";

/**
 * The way into a meeting, step by step.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function waiting(screen, actions) {
  const meeting = screen.daemon?.meeting;
  if (!meeting) return html``;
  const steps = meeting.role === "leader" ? LEADER : GUEST;
  const at = steps.findIndex(([phase]) => phase === meeting.phase);
  return html`<div class="pair">
    <section class="card">
      <h1 tabindex="-1" data-focus>${meeting.title || "Meeting"}</h1>
      <p role="status">${meeting.phase_text}</p>
      <ol class="steps">${steps.map(([, text], n) => html`
        <li class=${n < at ? "done" : n === at ? "now" : "later"}
          aria-current=${n === at ? "step" : nothing}>
          <span class="bullet" aria-hidden="true">${n < at ? icon("check") : n + 1}</span>
          <span>${text}<span class="unseen">${n < at ? " (done)" : ""}</span></span></li>`)}
      </ol>
      ${refusal(screen.refusal)}
      <button type="button" ?disabled=${screen.busy.includes("leave")} @click=${actions.leave}>
        Leave</button>
    </section>
    ${mirror(screen, actions)}
  </div>`;
}

/** @type {[Phase, string][]} */
const GUEST = [
  ["requesting", "Your signed request is written to the ledger"],
  ["knocking", "The leader’s computer is told"],
  ["waiting", "The leader decides"],
  ["joining", "You receive the key of the meeting"],
];

/** @type {[Phase, string][]} */
const LEADER = [
  ["publishing", "The meeting is written to the ledger"],
  ["joining", "Its first key is made on this computer"],
];

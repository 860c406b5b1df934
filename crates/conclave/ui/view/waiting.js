/** @import { Actions, Phase, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { icon } from "./icon.js";
import { refusal } from "./notices.js";
import { mirror } from "./preview.js";
import { t } from "../words.js";

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
      <h1 tabindex="-1" data-focus>${meeting.title || t("meeting.untitled")}</h1>
      <p role="status">${meeting.phase_text}</p>
      <ol class="steps">${steps.map(([, text], n) => html`
        <li class=${n < at ? "done" : n === at ? "now" : "later"}
          aria-current=${n === at ? "step" : nothing}>
          <span class="bullet" aria-hidden="true">${n < at ? icon("check") : n + 1}</span>
          <span>${t(text)} <span class="unseen">${n < at ? t("waiting.done") : ""}</span></span></li>`)}
      </ol>
      ${refusal(screen.refusal)}
      <button type="button" ?disabled=${screen.busy.includes("leave")} @click=${actions.leave}>
        ${t("meeting.leave")}</button>
    </section>
    ${mirror(screen, actions)}
  </div>`;
}

/** @type {[Phase, import("../words.js").Key][]} */
const GUEST = [
  ["requesting", "waiting.requesting"],
  ["knocking", "waiting.knocking"],
  ["waiting", "waiting.waiting"],
  ["joining", "waiting.joining"],
];

/** @type {[Phase, import("../words.js").Key][]} */
const LEADER = [
  ["publishing", "waiting.publishing"],
  ["joining", "waiting.first"],
];

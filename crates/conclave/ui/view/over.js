/** @import { Actions, Phase, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function over(screen, actions) {
  const meeting = screen.daemon?.meeting;
  if (!meeting) return html``;
  const last = meeting.notices.filter(({ level }) => level === "error").at(-1);
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${TITLES[meeting.phase] ?? "The meeting is over"}</h1>
    <p><strong>${meeting.title}</strong></p>
    <p>${meeting.ended_reason ?? meeting.phase_text}</p>
    ${last ? html`<p class="hint">${last.next}</p>` : nothing}
    <p class="hint">Your camera and microphone are off.</p>
    <button type="button" class="main" @click=${() =>
      actions.tell({ kind: "close", mid: meeting.mid })}>Done</button>
  </section>`;
}

/** @type {Partial<Record<Phase, string>>} */
const TITLES = {
  denied: "You were not admitted",
  ended: "The meeting has ended",
  failed: "The meeting could not go on",
  left: "You left the meeting",
  removed: "You were removed",
};

/** @import { Actions, Codes, Evidence, Meeting } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { panel } from "./panel.js";

/**
 * What people read to each other to know that they are in the same meeting.
 *
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function codes(meeting, actions) {
  const { codes: now } = meeting;
  return panel("Codes", actions, now ? html`
    ${now.evidence.map(evidence)}
    <p>Read these aloud, the leader first. If all see the same, nobody stands between you.</p>
    <h3>Short code</h3>
    ${short(now)}
    <h3>Security code</h3>
    <p><code>${now.security}</code></p>
    <p class="hint">Stays the same until somebody else leads.</p>
    <h3>Epoch code</h3>
    <p><code>${now.epoch || "not yet"}</code></p>
    <p class="hint">For the key in use, epoch ${meeting.epoch}; it changes whenever people come or go.</p>
    ${now.evidence.map(({ kind, parts }) => html`<button type="button"
      @click=${() => actions.copy(JSON.stringify({ kind, parts }))}>Copy the evidence</button>`)}`
    : html`<p>The meeting is not on the ledger yet.</p>`);
}

/** What proves a lie, and where it is kept.
 * @param {Evidence} proof
 */
export function evidence({ text, file }) {
  return html`<p class="refusal" role="alert"><strong>${text}</strong>
    ${file ? html`The proof is kept in <code>${file}</code> for whoever has to see it.` : nothing}</p>`;
}

/** @param {Codes} now */
function short(now) {
  if (now.short.length > 0) {
    return html`<ol class="pictures" aria-label="Short code">${now.short.map(({ picture, name }) =>
      html`<li><span aria-hidden="true">${picture}</span> ${name}</li>`)}</ol>`;
  }
  return now.waits_for.length > 0
    ? html`<p class="hint">Waits for ${now.waits_for.join(", ")}.</p>`
    : html`<p class="hint">Shown when somebody else is in and the ledger confirmed the key.</p>`;
}

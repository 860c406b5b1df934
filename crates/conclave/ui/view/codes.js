/** @import { Actions, Codes, Evidence, Meeting } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { rich, t } from "../words.js";

/**
 * What people read to each other to know that they are in the same meeting.
 *
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function codes(meeting, actions) {
  const { codes: now } = meeting;
  return now ? html`
    ${now.evidence.map(evidence)}
    <p>${t("codes.read")}</p>
    ${short(now)}
    <dl class="ids">
      <div><dt>${t("codes.security")}</dt><dd><code>${now.security}</code></dd></div>
      <div><dt>${t("codes.epoch")}</dt><dd><code>${now.epoch || t("anchors.not")}</code></dd></div>
    </dl>
    <p class="hint">${t("codes.hint")}</p>
    ${now.evidence.map(({ kind, parts }) => html`<button type="button"
      @click=${() => actions.copy(JSON.stringify({ kind, parts }))}>${t("codes.copy")}</button>`)}`
    : html`<p>${t("codes.none")}</p>`;
}

/** What proves a lie, and where it is kept.
 * @param {Evidence} proof
 */
export function evidence({ text, file }) {
  return html`<p class="refusal" role="alert"><strong>${text}</strong>
    ${file ? rich("codes.kept", { file: html`<code>${file}</code>` }) : nothing}</p>`;
}

/** @param {Codes} now */
function short(now) {
  if (now.short.length > 0) {
    return html`<ol class="pictures" aria-label=${t("codes.short")}>${now.short.map(({ picture, name }) =>
      html`<li><span aria-hidden="true">${picture}</span> ${name}</li>`)}</ol>`;
  }
  return html`<p class="hint">${now.waits_for.length > 0
    ? t("codes.waits", { names: now.waits_for.join(", ") }) : t("codes.later")}</p>`;
}

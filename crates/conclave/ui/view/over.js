/** @import { Actions, Phase, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { sentence } from "./form.js";
import { t } from "../words.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function over(screen, actions) {
  const meeting = screen.daemon?.meeting;
  if (!meeting) return html``;
  // An error that was overcome is no reason why the meeting is over.
  const last = meeting.phase !== "failed" ? undefined : meeting.notices.filter(({ level }) => level === "error").at(-1);
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t(TITLES[meeting.phase] ?? "over.title")}</h1>
    <p><strong>${meeting.title}</strong></p>
    <p>${sentence(meeting.ended_reason ?? meeting.phase_text)}</p>
    ${last ? html`<p class="hint">${sentence(last.next)}</p>` : nothing}
    <p class="hint">${t("over.off")}</p>
    <button type="button" class="main" @click=${() =>
      actions.tell({ kind: "close", mid: meeting.mid })}>${t("over.done")}</button>
  </section>`;
}

/** @type {Partial<Record<Phase, import("../words.js").Key>>} */
const TITLES = {
  denied: "over.denied",
  ended: "over.ended",
  failed: "over.failed",
  left: "over.left",
  removed: "over.removed",
};

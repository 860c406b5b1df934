/** @import { Actions, Change, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { clock, day, sentence, short } from "./form.js";
import { t } from "../words.js";

/**
 * What the person must know about their own user: changes that were not made here, a device that
 * speaks no more, a ledger that took back what it had shown.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 * @param {unknown} [way] a button that leads to the devices
 */
export function warnings(screen, actions, way = nothing) {
  const me = screen.daemon?.identity;
  if (!me) return nothing;
  const out = me.devices.some((one) => one.me && !one.active);
  return html`
    ${me.rewritten ? html`<p class="refusal" role="alert"><strong>${t("warn.rewritten")}</strong> ${t("warn.rewritten.next")}</p>` : nothing}
    ${out ? html`<p class="refusal" role="alert"><strong>${t("warn.out")}</strong> ${t("warn.out.next")}</p>` : nothing}
    ${me.unexplained.length ? html`<div class="refusal strange" role="alert">
      <ul>${me.unexplained.map((change) => html`<li>${strange(change, me)}</li>`)}</ul>
      <div class="row">
        <button type="button" ?disabled=${screen.busy.includes("changes/known")}
          @click=${actions.acknowledge}>${t("warn.wasme")}</button>
        ${way}
      </div>
    </div>` : nothing}`;
}

/**
 * @param {Change} change
 * @param {Identity} me
 */
function strange(change, me) {
  // Which device signed it stands in the history.
  const by = me.changes.find(({ id }) => id === change.id)?.by;
  const waits = me.waits.some((one) => one.by === by);
  return html`<strong>${t("warn.strange", { day: day(change.at_ms) })}</strong> ${change.text}.
    ${waits ? t("warn.waits") : by === me.device ? t("warn.key")
      : t("warn.device")}`;
}

/**
 * Everything that ever changed, newest first.
 *
 * @param {Identity} me
 */
export function history(me) {
  return html`
    <h2>${t("history.title")}</h2>
    <p>${t("history.text")}</p>
    ${me.changes.length ? html`<ol class="rows" reversed>
      ${me.changes.map((change) => html`<li><div>
        <p>${sentence(change.text)}
          ${me.unexplained.some(({ id }) => id === change.id)
            ? html`<span class="tag bad">${t("history.nothere")}</span>` : nothing}</p>
        <p class="hint">${day(change.at_ms)}, ${clock(change.at_ms)} ·
          ${change.by === me.device ? t("history.by.this", { height: change.height })
            : t("history.by", { device: short(change.by), height: change.height })}</p>
      </div></li>`)}
    </ol>` : html`<p class="hint">${t("history.none")}</p>`}`;
}

/** @import { Actions, Change, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { clock, day, sentence, short } from "./form.js";

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
    ${me.rewritten ? html`<p class="refusal" role="alert"><strong>The ledger shows another past of
      your identity than it showed before.</strong> Do not trust this network, and tell those who run
      it.</p>` : nothing}
    ${out ? html`<p class="refusal" role="alert"><strong>This device was revoked.</strong> It can no
      longer start or join meetings for you. Use another one of your devices.</p>` : nothing}
    ${me.unexplained.length ? html`<div class="refusal strange" role="alert">
      <ul>${me.unexplained.map((change) => html`<li>${strange(change, me)}</li>`)}</ul>
      <div class="row">
        <button type="button" ?disabled=${screen.busy.includes("changes/known")}
          @click=${actions.acknowledge}>That was me</button>
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
  return html`<strong>Someone changed your identity on ${day(change.at_ms)}:</strong> ${change.text}.
    ${waits ? "If that was not you, call it off now." : by === me.device ? "It was signed with the key of this device, but not here. If that was not you, somebody has that key: replace it now."
      : "If that was not you, revoke the unknown device now."}`;
}

/**
 * Everything that ever changed, newest first.
 *
 * @param {Identity} me
 */
export function history(me) {
  return html`
    <h2>History</h2>
    <p>Everything that ever changed about you on the ledger.</p>
    ${me.changes.length ? html`<ol class="rows" reversed>
      ${me.changes.map((change) => html`<li><div>
        <p>${sentence(change.text)}
          ${me.unexplained.some(({ id }) => id === change.id)
            ? html`<span class="tag bad">not made here</span>` : nothing}</p>
        <p class="hint">${day(change.at_ms)}, ${clock(change.at_ms)} ·
          by ${change.by === me.device ? "this device" : `device ${short(change.by)}`} ·
          block ${change.height}</p>
      </div></li>`)}
    </ol>` : html`<p class="hint">The ledger is being asked for it.</p>`}`;
}

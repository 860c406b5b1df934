/** @import { Actions, Identity, Screen, Waiting } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { moment, sentence, short } from "./form.js";
import { icon } from "./icon.js";

/**
 * What was asked for the person and happens later unless it is called off; what others asked is
 * urgent.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 * @param {(one: Waiting) => boolean} [shown]
 */
export function waits(screen, actions, shown = () => true) {
  const me = screen.daemon?.identity;
  const all = me?.waits.filter(shown) ?? [];
  return me ? repeat(all, ({ by }) => by, (one) => wait(screen, me, one, actions)) : nothing;
}

/** @param {Waiting} one */
export function isUrgent({ mine }) {
  return !mine;
}

/**
 * @param {Screen} screen
 * @param {Identity} me
 * @param {Waiting} one
 * @param {Actions} actions
 */
function wait(screen, me, one, actions) {
  const { by, due_ms, may_cancel, mine, text } = one;
  const busy = screen.busy.includes(`cancel ${by}`);
  return html`<section class="refusal wait ${mine ? "calm" : "urgent"}" role=${mine ? "status" : "alert"}>
    ${icon(mine ? "clock" : "alarm")}
    <div>
      <p><strong>${sentence(text)}</strong></p>
      <p>It happens on <time datetime=${new Date(due_ms).toISOString()}>${moment(due_ms)}</time>, unless
        it is called off. <span class="advice">${advice(me, one)}</span></p>
      <p class="hint">Asked by ${asker(me, one)}</p>
    </div>
    ${may_cancel ? html`<button type="button" class=${mine ? "" : "danger full"} ?disabled=${busy}
      aria-label="Call it off: ${text}" @click=${() => actions.callOff(by)}>Call it off</button>` : nothing}
  </section>`;
}

/**
 * What to do about it.
 *
 * @param {Identity} me
 * @param {Waiting} one
 */
function advice(me, { by, device, mine, may_cancel, what }) {
  if (mine) return may_cancel ? "Changed your mind?" : "";
  if (!may_cancel) {
    return "This device cannot do that; an older one can. If it was not you, use that one at once.";
  }
  if (what === "recovery") {
    return "If it was not you, somebody has your sheet: call it off, and make a new sheet.";
  }
  const first = what === "revocation" && device === me.device ? "This computer would be out. " : "";
  return `${first}If it was not you, somebody has device ${short(by)}: call it off, and revoke that device.`;
}

/**
 * @param {Identity} me
 * @param {Waiting} one
 */
function asker(me, { by, mine, what }) {
  if (mine) return "this device";
  const known = me.devices.find(({ device }) => device === by);
  if (known) return html`device ${short(by)}, fingerprint <code>${known.fingerprint}</code>`;
  return what === "recovery" ? "whoever has your recovery sheet" : `device ${short(by)}`;
}

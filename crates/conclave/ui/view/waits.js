/** @import { Actions, Identity, Screen, Waiting } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { moment, sentence, short } from "./form.js";
import { icon } from "./icon.js";
import { rich, t } from "../words.js";

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
      <p>${rich("waits.when", { when: html`<time datetime=${new Date(due_ms).toISOString()}>${moment(due_ms)}</time>` })} <span class="advice">${advice(me, one)}</span></p>
      <p class="hint">${rich("waits.by", { who: asker(me, one) })}</p>
    </div>
    ${may_cancel ? html`<button type="button" class=${mine ? "" : "danger full"} ?disabled=${busy}
      aria-label=${t("waits.off.what", { text })} @click=${() => actions.callOff(by)}>${t("waits.off")}</button>` : nothing}
  </section>`;
}

/**
 * What to do about it.
 *
 * @param {Identity} me
 * @param {Waiting} one
 */
function advice(me, { by, device, mine, may_cancel, what }) {
  if (mine) return may_cancel ? t("waits.changed") : "";
  if (!may_cancel) {
    return t("waits.cannot");
  }
  if (what === "recovery") {
    return t("waits.sheet");
  }
  const first = what === "revocation" && device === me.device ? `${t("waits.out")} ` : "";
  return `${first}${t("waits.revoke", { device: short(by) })}`;
}

/**
 * @param {Identity} me
 * @param {Waiting} one
 */
function asker(me, { by, mine, what }) {
  if (mine) return t("waits.this");
  const known = me.devices.find(({ device }) => device === by);
  if (known) return rich("waits.known", { device: short(by), fingerprint: html`<code>${known.fingerprint}</code>` });
  return what === "recovery" ? t("waits.someone") : t("waits.device", { device: short(by) });
}

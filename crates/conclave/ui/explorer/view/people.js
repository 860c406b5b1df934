/** @import { DeviceLine, DeviceView, UserView } from "../types.js" */
import { html, nothing } from "../../node_modules/lit-html/lit-html.js";
import { number, short } from "../text.js";
import { facts, info, link, reaches, sentence, time, timeline, whole } from "./parts.js";

/** One user: who it says it is, its devices, what happened.
 * @param {UserView} view
 */
export function user(view) {
  return html`
    <section class="card">
      <div class="headline">
        <h1 tabindex="-1">User ${short(view.id)}</h1>
        ${view.active ? html`<span class="tag good">active</span>` : html`<span class="tag bad">retired</span>`}
      </div>
      ${facts([
        ["Id", whole(view.id)],
        ["Says of itself", info(view.info)],
        ["Handle", view.handle ? html`<bdi>@${view.handle}</bdi>` : "none"],
        ["Registered", html`${time(view.registered_ms)}, block ${link("block", String(view.registered))}`],
        ["Changes since", number(view.seq)],
        ["Recovery key", view.recovery ? "yes" : "none"],
      ])}
      <p class="hint">A name proves nothing: people compare fingerprints.</p>
    </section>
    <section class="card" aria-labelledby="devices">
      <h2 id="devices">Devices</h2>
      <ul class="lines">${view.devices.map((one) => html`<li>
        <p>Device ${link("device", one.id)} ${status(one)}</p>
        <p class="hint">fingerprint <code>${one.fingerprint}</code> · ${one.algorithm} · since
          ${time(one.added_ms)}</p>
        ${waits(one)}
      </li>`)}</ul>
    </section>
    ${history(view.txs, view.reach)}`;
}

/** One device.
 * @param {DeviceView} view
 */
export function device(view) {
  const { device: one } = view;
  return html`
    <section class="card">
      <div class="headline"><h1 tabindex="-1">Device ${short(one.id)}</h1>${status(one)}</div>
      ${facts([
        ["Id", whole(one.id)],
        ["Of user", link("user", view.user)],
        ["Fingerprint of its key", html`<code>${one.fingerprint}</code> (${one.algorithm})`],
        ["Place in line", one.seniority === 0 ? "first device of its user" : `${one.seniority}; lower is senior`],
        ["Came", html`${time(one.added_ms)}, block ${link("block", String(one.added))}${one.recovery ? ", by the recovery key" : ""}`],
        ["Revoked", one.revoked === null ? null : html`block ${link("block", String(one.revoked))}`],
        ["Number of its next transaction", number(view.next_nonce)],
      ])}
      ${waits(one)}
    </section>
    ${history(view.txs, view.reach)}`;
}

/**
 * @param {import("../types.js").TxLine[]} txs
 * @param {import("../types.js").Reach} reach
 */
export const history = (txs, reach) => html`<section class="card" aria-labelledby="history">
  <h2 id="history">What happened</h2>
  ${timeline(txs, "Nothing in the past that is remembered here.")}
  ${reaches(reach)}
</section>`;

/** @param {DeviceLine} one */
const status = ({ active }) => active
  ? html`<span class="tag good">active</span>` : html`<span class="tag bad">revoked</span>`;

/** @param {DeviceLine} one */
const waits = ({ waits }) => waits
  ? html`<p class="bad">It ${sentence(waits.words)}; possible from ${time(waits.due_ms)} on, unless it is called off.</p>`
  : nothing;

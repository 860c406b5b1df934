/** @import { BlockView, Certificate } from "../types.js" */
import { html, nothing } from "../../node_modules/lit-html/lit-html.js";
import { number } from "../text.js";
import { facts, link, time, timeline, when, whole } from "./parts.js";

/** One block: what its header says, who signed it, and both sections.
 * @param {BlockView} view
 */
export function block(view) {
  const { block: { height, time_ms, digest, proposer, size }, certificate, count, from } = view;
  const of = (/** @type {string} */ ledger) => view.txs.filter((tx) => tx.ledger === ledger);
  return html`
    <section class="card">
      <div class="headline">
        <h1 tabindex="-1">Block ${number(height)}</h1>
        <nav aria-label="Blocks beside" class="row">
          ${height > 1 ? html`<a class="step" href="#/block/${height - 1}">Block ${number(height - 1)}</a>` : nothing}
          ${view.has_next ? html`<a class="step" href="#/block/${height + 1}">Block ${number(height + 1)}</a>` : nothing}
        </nav>
      </div>
      <p>${height > 0 ? html`Made by validator ${link("validator", proposer)}` : "Made of the genesis"} at ${time(time_ms)}; ${sealed(height, certificate)}</p>
      ${facts([
        ["Header", whole(digest)],
        ["Header before", whole(view.parent)],
        ["State of the identity ledger", whole(view.identity_root)],
        ["State of the meeting ledger", whole(view.meeting_root)],
        ["Validator set", view.valset === view.next_valset ? whole(view.valset)
          : html`${whole(view.valset)} and from the next block on ${whole(view.next_valset)}`],
        ["Consensus", `epoch ${view.epoch}, view ${view.view}`],
        ["Size", `${number(size)} bytes`],
      ])}
    </section>
    ${section("Identity ledger", "identity", view.block.identity, of("identity"))}
    ${section("Meeting ledger", "meeting", view.block.meeting, of("meeting"))}
    ${when(count > view.txs.length, html`<nav aria-label="Parts of this block" class="row">
      <p class="hint">Transactions ${number(from + 1)} to ${number(from + view.txs.length)} of ${number(count)}</p>
      ${from > 0 ? html`<a class="step" href="#/block/${height}?from=${Math.max(0, from - 100)}">Earlier ones</a>` : nothing}
      ${from + view.txs.length < count
        ? html`<a class="step" href="#/block/${height}?from=${from + view.txs.length}">Later ones</a>` : nothing}
    </nav>`)}`;
}

/**
 * @param {string} name
 * @param {string} id
 * @param {number} count
 * @param {import("../types.js").TxLine[]} txs
 */
const section = (name, id, count, txs) => html`<section class="card" aria-labelledby=${id}>
  <h2 id=${id}>${name} <span class="hint">${number(count)}</span></h2>
  ${timeline(txs, count ? "None on this part of the block." : "No transaction in this block.")}
</section>`;

/**
 * Who made it final.
 *
 * @param {number} height
 * @param {Certificate | null} certificate
 */
function sealed(height, certificate) {
  if (!certificate) return "its certificate is not kept here.";
  const { signers, validators } = certificate;
  const who = signers.map((key, n) => html`${n ? ", " : ""}${link("validator", key)}`);
  const through = certificate.height === height ? "" : ` through block ${number(certificate.height)}`;
  return html`signed final${through} by ${who} (${signers.length} of ${validators}).`;
}

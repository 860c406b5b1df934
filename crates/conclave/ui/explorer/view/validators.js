/** @import { Change, ValidatorLine, ValidatorView, ValidatorsView, Vote } from "../types.js" */
import { html, nothing } from "../../node_modules/lit-html/lit-html.js";
import { cut, number, short } from "../text.js";
import { facts, link, sentence, time, when, whole } from "./parts.js";
import { history } from "./people.js";

/** All validators and how they do.
 * @param {ValidatorsView} view
 */
export function validators({ validators, window, quorum, epoch, epoch_ends, votes, changes }) {
  return html`<section class="card">
    <h1 tabindex="-1">Validators</h1>
    <p>${number(validators.length)} validators seal the ledger; ${quorum} signatures make a block final.
      The newest ${number(window)} blocks show who takes part.</p>
    <ul class="lines">${validators.map((one) => html`<li>
      <p>Validator ${link("validator", one.key)} ${name(one)} ${alive(one, window)}
        ${when(one.me, html`<span class="tag">answers you</span>`)}</p>
      ${meter(one, window)}
      <p class="hint">proposed ${number(one.proposed)}, signed ${number(one.signed)} of ${number(window)} ·
        last seen ${seen(one)}</p>
    </li>`)}</ul>
    <p class="hint">A certificate needs ${quorum} signatures and is made when they are there, so who is a
      little slower than others is missing in many without being down.</p>
  </section>
  <section class="card" aria-labelledby="votes">
    <h2 id="votes">Votes</h2>
    <p>A change needs the votes of more than two thirds of the validators, and is in force from the next
      epoch on. This is epoch ${number(epoch)}; it ends with block ${number(epoch_ends)}.</p>
    ${votes.length ? html`<ul class="lines">${votes.map(vote)}</ul>`
      : html`<p class="hint">No validator wants a change.</p>`}
  </section>
  <section class="card" aria-labelledby="changes">
    <h2 id="changes">Changes</h2>
    ${changes.length ? html`<ol class="lines">${changes.map(change)}</ol>`
      : html`<p class="hint">The set is that of the genesis.</p>`}
  </section>`;
}

/** @param {Vote} vote */
const vote = ({ words, by, needed }) => html`<li>
  <p>${words.length ? html`To ${sentence(words)}` : "A change whose wording is older than what is remembered here"}</p>
  <p class="hint">${by.length} of ${needed} votes: ${by.map((key, n) => html`${n ? ", " : ""}${link("validator", key)}`)}</p>
</li>`;

/** @param {Change} change */
const change = ({ words, agreed, agreed_ms, from }) => html`<li>
  <p>Agreed to ${sentence(words)}</p>
  <p class="hint">agreed ${time(agreed_ms)}, block ${link("block", String(agreed))} · in force from block
    ${number(from)} on</p>
</li>`;

/** One validator.
 * @param {ValidatorView} view
 */
export function validator({ validator: one, window, txs, reach }) {
  return html`
    <section class="card">
      <div class="headline"><h1 tabindex="-1">Validator ${short(one.key)}</h1>
        ${one.in_force ? alive(one, window) : html`<span class="tag">not in force</span>`}</div>
      ${facts([
        ["Key", whole(one.key)],
        ["Name", one.name ? html`<bdi>${cut(one.name, 64)}</bdi>` : null],
        ["Blocks proposed", `${number(one.proposed)} of the newest ${number(window)}`],
        ["Certificates signed", `${number(one.signed)} of the newest ${number(window)}`],
        ["Last seen", seen(one)],
      ])}
    </section>
    ${history(txs, reach)}`;
}

/** @param {ValidatorLine} one */
const name = ({ name }) => name ? html`<q><bdi>${cut(name, 64)}</bdi></q>` : nothing;

/** @param {ValidatorLine} one */
const seen = ({ last_height, last_ms }) => last_height === null || last_ms === null
  ? "not in the blocks that are remembered"
  : html`in block ${link("block", String(last_height))}, ${time(last_ms)}`;

/**
 * @param {ValidatorLine} one
 * @param {number} window
 */
function alive({ proposed, signed }, window) {
  if (!window) return nothing;
  return proposed + signed > 0 ? html`<span class="tag good">takes part</span>`
    : html`<span class="tag bad">silent</span>`;
}

/** Certificates signed, as a bar beside the same in words.
 * @param {ValidatorLine} one
 * @param {number} window
 */
const meter = ({ signed, key }, window) => html`<meter min="0" max=${Math.max(window, 1)}
  value=${signed} aria-label="Certificates signed by ${short(key)}">${signed}</meter>`;

/** @import { BlockLine, Info, Part, Reach, TxLine } from "../types.js" */
import { html, nothing } from "../../node_modules/lit-html/lit-html.js";
import { repeat } from "../../node_modules/lit-html/directives/repeat.js";
import { to } from "../route.js";
import { counted, cut, number, short } from "../text.js";

/** A sentence whose names lead somewhere. What others wrote is isolated and cut.
 * @param {Part[]} words
 */
export const sentence = (words) => html`${words.map(({ text, to: target, quoted }) => {
  if (target) return html`<a href=${to(target)} title=${target.id}><code>${text}</code></a>`;
  return quoted ? html`<q><bdi>${cut(text, 80)}</bdi></q>` : text;
})}`;

/** The beginning of an id, and the way to what it names.
 * @param {import("../types.js").Kind} kind
 * @param {string} id
 */
export const link = (kind, id) =>
  html`<a href=${to({ kind, id })} title=${id}><code>${kind === "block" ? id : short(id)}</code></a>`;

/** All of an id; it breaks where the window ends.
 * @param {string} id
 */
export const whole = (id) => html`<code class="id">${id}</code>`;

/** What somebody says about themselves.
 * @param {Info} info
 */
export function info({ form, text }) {
  switch (form) {
    case "clear":
      return text ? html`<q><bdi>${cut(text, 1024)}</bdi></q>` : "nothing";
    case "encrypted":
      return "encrypted: only who has the key can read it";
    case "commit":
      return "hidden: the ledger has a fingerprint of it only";
    case "none":
      return "nothing";
  }
}

/** Transactions, each with its time and its block.
 * @param {TxLine[]} txs
 * @param {string} none what to say if there is none
 */
export function timeline(txs, none) {
  if (!txs.length) return html`<p class="hint">${none}</p>`;
  return html`<ol class="lines">${repeat(txs, ({ id }) => id, (tx) => html`<li>
    <p>${sentence(tx.words)}</p>
    <p class="hint bits"><span>${tx.ledger}</span> ${time(tx.time_ms)}
      <span>block ${link("block", String(tx.height))}</span>
      <a href=${to({ kind: "tx", id: tx.id })}>transaction ${short(tx.id)}</a></p>
  </li>`)}</ol>`;
}

/** How far back a list of transactions goes.
 * @param {Reach} reach
 */
export const reaches = ({ from, txs }) => from <= 1
  ? html`<p class="hint">This validator remembers every transaction from the first block on.</p>`
  : html`<p class="hint">This validator remembers the newest ${number(txs)} transactions, which go back
      to block ${number(from)}. What is older is on the ledger, but not in this list.</p>`;

/** Blocks, the newest first.
 * @param {BlockLine[]} blocks
 */
export const blocks = (blocks) => html`<ol class="lines">${repeat(blocks, ({ height }) => height, (block) => html`<li>
  <p><a href=${to({ kind: "block", id: String(block.height) })}>Block ${number(block.height)}</a>
    <span class="hint">${counted(block)}</span></p>
  <p class="hint">${time(block.time_ms)} · by validator ${link("validator", block.proposer)}</p>
</li>`)}</ol>`;

/** Facts by name; a value of nothing is left out.
 * @param {[string, unknown][]} facts
 */
export const facts = (facts) => html`<dl class="facts-list">${facts.filter(([, value]) => value !== null).map(
  ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** A moment, in the time of whoever looks; the day only if it is another one.
 * @param {number} ms
 */
export function time(ms) {
  if (!ms) return html`<span>never</span>`;
  const date = new Date(ms);
  const form = date.toDateString() === new Date().toDateString() ? CLOCK : FORM;
  return html`<time datetime=${date.toISOString()} title=${FORM.format(date)}>${form.format(date)}</time>`;
}

/** @param {boolean} on @param {unknown} shown */
export const when = (on, shown) => on ? shown : nothing;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const FORM = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

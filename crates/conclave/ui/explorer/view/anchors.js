/** @import { AnchorLine, AnchorsView } from "../types.js" */
import { html } from "../../node_modules/lit-html/lit-html.js";
import { number } from "../text.js";
import { link, time, whole } from "./parts.js";

/** Where the history of this ledger was written down elsewhere, as its validators say.
 * @param {AnchorsView} view
 */
export function anchors({ count, newest, anchors }) {
  return html`<section class="card">
    <h1 tabindex="-1">Anchors</h1>
    <p>Validators write hashes of this ledger on other networks, so that not even all of them together can
      change the past unseen. What stands here is what they say; to look on the other network:
      <code>conclave anchor verify</code></p>
    ${count ? html`<p>${number(count)} recorded, up to block ${link("block", String(newest))}.</p>
      <ol class="lines">${anchors.map(anchor)}</ol>`
      : html`<p class="hint">None was recorded on this ledger.</p>`}
  </section>`;
}

/** @param {AnchorLine} anchor */
const anchor = ({ height, header, matches, network, txid, by, at, at_ms }) => html`<li>
  <p>Block ${link("block", String(height))} on ${network}
    <span class="tag ${matches === "same" ? "good" : matches === "other" ? "bad" : ""}">${MATCHES[matches]}</span></p>
  <p class="hint">transaction ${whole(txid)}</p>
  <p class="hint">hash ${whole(header)}</p>
  <p class="hint">says validator ${link("validator", by)} in block ${link("block", String(at))}, ${time(at_ms)}</p>
</li>`;

const MATCHES = {
  same: "the hash this ledger has", other: "another hash than this ledger has",
  unknown: "block not kept here",
};

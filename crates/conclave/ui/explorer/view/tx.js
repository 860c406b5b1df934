/** @import { TxView } from "../types.js" */
import { html } from "../../node_modules/lit-html/lit-html.js";
import { number, short } from "../text.js";
import { facts, link, sentence, time, whole } from "./parts.js";

/** One transaction.
 * @param {TxView} view
 */
export function tx(view) {
  const { tx } = view;
  const signed = view.signatures.map(({ role, algorithm }) => `${role} (${algorithm})`).join(", ");
  return html`<section class="card">
    <h1 tabindex="-1">Transaction ${short(tx.id)}</h1>
    <p class="lead">${sentence(tx.words)}</p>
    ${facts([
      ["Id", whole(tx.id)],
      ["Kind", tx.kind],
      ["Where", html`${tx.ledger} ledger, place ${tx.index} in block ${link("block", String(tx.height))}`],
      ["When", time(tx.time_ms)],
      ["Signer", link("device", view.signer)],
      ["Number of the signer", number(view.nonce)],
      ["Signatures", signed],
      ["Could be included until", time(view.expiry_ms)],
      ["Size", `${number(view.size)} bytes`],
    ])}
    <details><summary>All bytes; their SHA-256 is the id</summary>
      <p><code class="id">${view.bytes}</code></p></details>
  </section>`;
}

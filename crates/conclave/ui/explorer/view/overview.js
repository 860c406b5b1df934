/** @import { Actions, Overview, Screen } from "../types.js" */
import { html } from "../../node_modules/lit-html/lit-html.js";
import { number } from "../text.js";
import { blocks, link, reaches, time, timeline, when } from "./parts.js";

/**
 * What happens now.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function overview(screen, actions) {
  const { overview: now } = screen;
  if (!now) {
    return html`<section class="card"><h1 tabindex="-1">Ledger</h1>
      <p class="hint">The validator is being asked …</p></section>`;
  }
  return html`
    <section class="card" aria-labelledby="now">
      <div class="headline">
        <h1 id="now" tabindex="-1">${now.height ? `Block ${number(now.height)}` : "No block yet"}</h1>
        ${state(screen)}
        <button type="button" aria-pressed=${screen.paused} @click=${() =>
          actions.tell({ kind: "pause", on: !screen.paused })}>${screen.paused ? "Go on" : "Pause"}</button>
      </div>
      ${figures(now)}
      ${when(now.height === 0, html`<p class="hint">The first block comes as soon as more than two thirds
        of the ${now.validators} validators run.</p>`)}
      ${reaches(now.reach)}
    </section>
    <div class="pair">
      <section class="card" aria-labelledby="blocks">
        <h2 id="blocks">Blocks</h2>
        ${blocks(now.blocks)}
      </section>
      <section class="card" aria-labelledby="txs">
        <h2 id="txs">Transactions</h2>
        ${timeline(now.txs, "No transaction is remembered here yet.")}
      </section>
    </div>`;
}

/** @param {Overview} now */
function figures(now) {
  return html`<dl class="figures">
    <div><dt>Chain time</dt><dd>${time(now.time_ms)}</dd></div>
    <div><dt>Transactions a second</dt><dd>${now.rate.toFixed(now.rate < 10 ? 2 : 0)}</dd></div>
    <div><dt>Waiting here</dt><dd>${number(now.waiting)}</dd></div>
    <div><dt>Identity ledger</dt><dd>${number(now.identity)} <span class="hint">transactions</span></dd></div>
    <div><dt>Meeting ledger</dt><dd>${number(now.meeting)} <span class="hint">transactions</span></dd></div>
    <div><dt>Answered by</dt><dd>${link("validator", now.validator)}
      <span class="hint">of ${now.validators}</span></dd></div>
  </dl>`;
}

/** @param {Screen} screen */
function state({ live, paused }) {
  if (live === "lost") {
    return html`<span class="net"><span class="dot stale" aria-hidden="true"></span>not connected</span>`;
  }
  return paused
    ? html`<span class="net"><span class="dot amber" aria-hidden="true"></span>paused</span>`
    : html`<span class="net"><span class="dot fresh" aria-hidden="true"></span>live</span>`;
}

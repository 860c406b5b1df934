/** @import { Actions, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { date, fields } from "./form.js";
import { refusal } from "./notices.js";

/**
 * Whether there is a sheet of paper for the day when every device is lost, and the way to one.
 *
 * @param {Screen} screen
 * @param {Identity} me
 * @param {boolean} active whether this device speaks for the person
 * @param {Actions} actions
 */
export function recovery(screen, me, active, actions) {
  const busy = screen.busy.includes("recovery/sheet");
  return html`
    <h2>Recovery sheet</h2>
    ${me.recovery ? html`
      <p><strong>You have one.</strong> Its 24 words bring you back on a new computer when all your
        devices are lost.</p>
      <p class="hint">A new sheet takes the place of the old one after a day. Until then each of your
        devices can call it off, and the old sheet counts.</p>`
    : html`
      <p><strong>You have none.</strong> If you lose all your devices, nobody can give your identity
        back to you. 24 words on a sheet of paper can.</p>`}
    <div class="row">
      <button type="button" class=${me.recovery ? "" : "main"} ?disabled=${!active || !me.registered || busy}
        @click=${actions.drawSheet}>
        ${busy ? "Drawing the words …" : me.recovery ? "Make a new recovery sheet" : "Make a recovery sheet"}</button>
    </div>`;
}

/**
 * The sheet itself; only this part of the page is printed.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function sheet(screen, actions) {
  const drawn = screen.drawn?.sheet;
  if (!drawn) return html``;
  return html`<section class="card drawn">
    <h1 tabindex="-1" data-focus>Print this, or write it down</h1>
    <p><strong>Nobody keeps these words:</strong> not this computer, not the ledger. They are shown
      this once, and nothing counts until you have confirmed them.</p>
    <article class="paper" aria-labelledby="paper">
      <h2 id="paper">Conclave recovery sheet</h2>
      <ol class="words" translate="no">${drawn.words.split(" ").map((word, n) => html`
        <li><span>${n + 1}</span> <b>${word}</b></li>`)}</ol>
      <dl class="ids">
        <div><dt>Name</dt><dd>${screen.daemon?.identity?.info.text}</dd></div>
        <div><dt>User</dt><dd><code>${drawn.user}</code></dd></div>
        <div><dt>Fingerprint of the recovery key</dt><dd><code>${drawn.fingerprint}</code></dd></div>
        <div><dt>Network</dt><dd>${screen.daemon?.network.name} <code>${drawn.network}</code></dd></div>
        <div><dt>Made on</dt><dd>${date(Date.now())}</dd></div>
      </dl>
      <p>When all your devices are lost: start Conclave on another computer, choose “I have a recovery
        sheet”, and type the words in this order.</p>
      <p><strong>Whoever has this sheet can become you.</strong> Keep it as you keep a passport, away
        from your devices. Do not take a picture of it.</p>
    </article>
    <div class="row">
      <button type="button" @click=${() => actions.tell({ kind: "go", screen: "identity" })}>Throw it away</button>
      <button type="button" @click=${actions.print}>Print</button>
      <button type="button" class="main" @click=${() => actions.tell({ kind: "proof", on: true })}>
        I have it on paper</button>
    </div>
  </section>`;
}

/**
 * Two of the words are asked back, from the paper.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function proof(screen, actions) {
  const drawn = screen.drawn;
  if (!drawn) return html``;
  const busy = screen.busy.includes("recovery/keep");
  const send = fields((field) => actions.keepSheet(drawn, drawn.ask.map((n) => field(`word${n}`))));
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Two words from the paper</h1>
    <p>So that you do not rely on a sheet that cannot be read.</p>
    <form @submit=${send}>
      ${drawn.ask.map((n) => html`<label class="field">Word ${n}
        <input name="word${n}" required maxlength="16" autocomplete="off" autocapitalize="none"
          spellcheck="false" ?disabled=${busy}>
      </label>`)}
      ${refusal(screen.refusal)}
      ${screen.daemon?.identity?.recovery ? html`<p class="hint">The ledger has a recovery key of yours
        already. This one takes its place after a day, unless one of your devices calls it off.</p>`
        : nothing}
      <div class="row">
        <button type="button" ?disabled=${busy}
          @click=${() => actions.tell({ kind: "proof", on: false })}>Show the words again</button>
        <button class="main" ?disabled=${busy}>
          ${busy ? "Writing to the ledger …" : "Let this sheet count"}</button>
      </div>
    </form>
  </section>`;
}

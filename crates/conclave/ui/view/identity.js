/** @import { Actions, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { contacts } from "./contacts.js";
import { devices } from "./devices.js";
import { check, disclose } from "./disclose.js";
import { history, warnings } from "./history.js";
import { initials } from "./form.js";
import { names } from "./names.js";
import { refusal } from "./notices.js";
import { panel } from "./panel.js";
import { recovery } from "./sheet.js";
import { isUrgent, waits } from "./waits.js";
import { KEYS } from "./welcome.js";

/**
 * The person's own user: who they are, where, what changed, whom they know.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function identity(screen, actions) {
  const daemon = screen.daemon;
  const me = daemon?.identity;
  if (!me) return html``;
  const active = me.devices.some((one) => one.me && one.active);
  return html`
    <header class="head">
      <h1 tabindex="-1" data-focus>Your identity</h1>
      <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>Back</button>
    </header>
    ${["handle", "info"].includes(screen.refusal?.of ?? "") ? nothing : refusal(screen.refusal)}
    ${warnings(screen, actions)}
    ${waits(screen, actions)}
    <div class="pair own">
      <section class="card" aria-label="Who you are">${name(me)}${names(screen, me, active, actions)}</section>
      <section class="card" aria-label="Devices">
        ${devices(screen, me, actions)}
        <div class="row">
          <button type="button" class="main" ?disabled=${!active || screen.busy.includes("devices/offer")}
            @click=${actions.offerDevice}>Add a device</button>
          <button type="button" ?disabled=${!active || screen.busy.includes("devices/rotate")}
            @click=${() => actions.tell({ kind: "ask", question: { act: "rotate" } })}>
            ${screen.busy.includes("devices/rotate") ? "Writing to the ledger …" : "Replace the key of this device"}</button>
        </div>
      </section>
      <section class="card" aria-label="Recovery sheet">${recovery(screen, me, active, actions)}</section>
      <section class="card" aria-label="History">${history(me)}</section>
      <section class="card" aria-label="People you met">${contacts(daemon, actions)}</section>
      <section class="card" aria-label="Show your name">${disclose(screen, me, actions)}</section>
      <section class="card" aria-label="Check a name">${check(screen, daemon, actions)}</section>
    </div>`;
}

/**
 * What of it can wait for nothing, beside a meeting.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function identityPanel(screen, actions) {
  const me = screen.daemon?.identity;
  if (!me) return html``;
  return panel("Your identity", actions, html`
    ${warnings(screen, actions)}
    ${waits(screen, actions)}
    <p class="hint">Fingerprint <code>${me.fingerprint}</code></p>
    ${devices(screen, me, actions)}
    ${history(me)}`);
}

/** @param {Identity} me */
function name(me) {
  return html`
    <div class="self">
      <span class="face" aria-hidden="true">${initials(me.info.text)}</span>
      <div><h2 class="name">${me.info.text}</h2>
        ${me.handle ? html`<p class="handle">@${me.handle}</p>` : nothing}
        <p class="hint">${FORMS[me.info.form]}</p></div>
    </div>
    ${me.registered ? nothing : html`<p>The ledger does not know this device yet.</p>`}
    <dl class="ids">
      <div><dt>Fingerprint of this device</dt><dd><code>${me.fingerprint}</code></dd></div>
      ${me.key ? html`<div><dt>Kind of key</dt><dd>${KEYS[me.key][0]}</dd></div>` : nothing}
      <div><dt>User</dt><dd><code>${me.user}</code></dd></div>
      <div><dt>This device</dt><dd><code>${me.device}</code></dd></div>
    </dl>
    <p class="hint">Read the fingerprint to somebody to show that it is you.</p>`;
}

/**
 * The corner that leads to it from everywhere but a meeting.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function corner(screen, actions) {
  const me = screen.daemon?.identity;
  if (!me) return nothing;
  const alarm = me.unexplained.length > 0 || me.rewritten || me.waits.some(isUrgent);
  return html`<button type="button" class="plain corner"
    @click=${() => actions.tell({ kind: "go", screen: "identity" })}>
    <span class="face" aria-hidden="true">${initials(me.info.text)}</span>
    <span><span class="unseen">Your identity: </span><span class="name">${me.info.text}</span>${
      alarm ? html`<span class="unseen">(something to look at)</span>` : nothing}</span>
    ${alarm ? html`<span class="count alarm" aria-hidden="true">!</span>` : nothing}
  </button>`;
}

export const FORMS = {
  clear: "The ledger shows your name",
  commit: "The ledger holds a fingerprint of your name",
  encrypted: "The ledger holds your name encrypted",
};

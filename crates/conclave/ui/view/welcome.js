/** @import { Actions, InfoForm, KeyAlgorithm, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { fields } from "./form.js";
import { refusal } from "./notices.js";

/**
 * The first screen: a name, and what the ledger is to hold of it.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function welcome(screen, actions) {
  const busy = screen.busy.includes("identity");
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Who are you?</h1>
    <p>Meetings without an operator: there is no account and no password. Your identity is a key
      that is made on this computer and never leaves it.</p>
    <form @submit=${submit(actions)}>
      <label class="field">Your name
        <input name="name" required maxlength="200" autocomplete="name" ?disabled=${busy}>
      </label>
      ${infoForms("clear", busy)}
      ${passphrase(busy)}
      ${algorithm(busy)}
      ${screen.daemon?.network.work ? work(busy) : nothing}
      ${refusal(screen.refusal)}
      <button class="main wide" ?disabled=${busy}>
        ${busy ? "Writing to the ledger …" : "Create identity"}</button>
      <button type="button" class="wide" ?disabled=${busy}
        @click=${() => actions.tell({ kind: "go", screen: "accept" })}>I have an identity already</button>
      <button type="button" class="wide" ?disabled=${busy}
        @click=${() => actions.tell({ kind: "go", screen: "recover" })}>I have a recovery sheet</button>
    </form>
  </section>`;
}

/** What the ledger is to hold of a name.
 * @param {InfoForm} chosen
 * @param {boolean} busy
 */
export function infoForms(chosen, busy) {
  return html`<fieldset>
    <legend>What the public ledger shows of it</legend>
    ${FORMS.map(([form, title, text]) => html`
      <label class="choice">
        <input type="radio" name="form" value=${form} ?checked=${form === chosen} ?disabled=${busy}>
        <span><strong>${title}</strong><span>${text}</span></span>
      </label>`)}
  </fieldset>`;
}

/** Protects the key file of a new key.
 * @param {boolean} busy
 */
export function passphrase(busy) {
  return html`<details>
    <summary>Protect the key with a passphrase</summary>
    <label class="field">Passphrase
      <input name="passphrase" type="password" autocomplete="new-password" ?disabled=${busy}>
    </label>
    <p class="hint">Conclave asks for it at every start. Nobody can reset it.</p>
  </details>`;
}

/** What kind of key is made; hardly anybody has to choose.
 * @param {boolean} busy
 */
function algorithm(busy) {
  return html`<details>
    <summary>Advanced: kind of key</summary>
    <fieldset>
      <legend class="unseen">Kind of key</legend>
      ${Object.entries(KEYS).map(([key, [title, text]]) => html`
        <label class="choice">
          <input type="radio" name="key" value=${key} ?checked=${key === "ed25519"} ?disabled=${busy}>
          <span><strong>${title}</strong><span>${text}</span></span>
        </label>`)}
    </fieldset>
  </details>`;
}

/** How the ledger lets somebody in; only some networks leave a choice.
 * @param {boolean} busy
 */
function work(busy) {
  return html`<label class="choice">
    <input type="checkbox" name="work" ?disabled=${busy}>
    <span>Ask no validator for a word
      <span class="hint">This computer works for its entry instead, for seconds or minutes.</span></span>
  </label>`;
}

/** @param {Actions} actions */
function submit(actions) {
  return fields((field) => actions.createIdentity(
    field("name"), /** @type {InfoForm} */ (field("form")), field("passphrase"),
    /** @type {KeyAlgorithm} */ (field("key")), field("work") !== ""));
}

/** @type {[InfoForm, string, string][]} */
const FORMS = [
  ["clear", "My name", "Everyone can read it."],
  ["encrypted", "My name, encrypted", "Only people you meet can read it."],
  ["commit", "Only a fingerprint", "The ledger holds no name. People you tell it can check that it is yours."],
];

/** @type {Record<KeyAlgorithm, [string, string]>} */
export const KEYS = {
  ed25519: ["Ed25519", "Small and fast. Right for nearly everyone."],
  secp256k1: ["ECDSA on secp256k1", "The curve of many other ledgers."],
  ed448: ["Ed448", "A larger curve; larger signatures."],
};

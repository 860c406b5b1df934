/** @import { Actions, InfoForm, KeyAlgorithm, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { fields } from "./form.js";
import { refusal } from "./notices.js";
import { t } from "../words.js";

/**
 * The first screen: a name, and what the ledger is to hold of it.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function welcome(screen, actions) {
  const busy = screen.busy.includes("identity");
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t("welcome.title")}</h1>
    <p>${t("welcome.text")}</p>
    <form @submit=${submit(actions)}>
      <label class="field">${t("identity.yourname")}
        <input name="name" required maxlength="200" autocomplete="name" ?disabled=${busy}>
      </label>
      ${infoForms("clear", busy)}
      ${protection(screen, busy)}
      ${algorithm(busy)}
      ${screen.daemon?.network.work
        ? option("work", t("welcome.noword"), t("welcome.work"), busy) : nothing}
      ${refusal(screen.refusal)}
      <button class="main wide" ?disabled=${busy}>
        ${busy ? t("busy.writing") : t("welcome.create")}</button>
      <button type="button" class="wide" ?disabled=${busy}
        @click=${() => actions.tell({ kind: "go", screen: "accept" })}>${t("welcome.have")}</button>
      <button type="button" class="wide" ?disabled=${busy}
        @click=${() => actions.tell({ kind: "go", screen: "recover" })}>${t("welcome.sheet")}</button>
    </form>
  </section>`;
}

/** What the ledger is to hold of a name.
 * @param {InfoForm | ""} chosen
 * @param {boolean} busy
 */
export function infoForms(chosen, busy) {
  return html`<fieldset>
    <legend>${t("welcome.shows")}</legend>
    ${FORMS.map(([form, title, text]) => html`
      <label class="choice">
        <input type="radio" name="form" value=${form} ?checked=${form === chosen} ?disabled=${busy}>
        <span><strong>${t(title)}</strong><span>${t(text)}</span></span>
      </label>`)}
  </fieldset>`;
}

/** What opens the key file of a new key.
 * @param {Screen} screen
 * @param {boolean} busy
 */
export function protection({ daemon }, busy) {
  return html`${passphrase(busy)}
    ${daemon?.key_store ? option("store", t("keystore.os"), t("keystore.os.text"), busy) : nothing}`;
}

/** Protects the key file.
 * @param {boolean} busy
 */
export function passphrase(busy) {
  return html`<details>
    <summary>${t("passphrase.protect")}</summary>
    <label class="field">${t("passphrase")}
      <input name="passphrase" type="password" autocomplete="new-password" ?disabled=${busy}>
    </label>
    <p class="hint">${t("passphrase.hint")}</p>
  </details>`;
}

/** What kind of key is made; hardly anybody has to choose.
 * @param {boolean} busy
 */
function algorithm(busy) {
  return html`<details>
    <summary>${t("welcome.advanced")}</summary>
    <fieldset>
      <legend class="unseen">${t("identity.key")}</legend>
      ${KEYS.map((key) => html`
        <label class="choice">
          <input type="radio" name="key" value=${key} ?checked=${key === "ed25519"} ?disabled=${busy}>
          <span><strong>${keyName(key)}</strong><span>${t(KEY_TEXTS[key])}</span></span>
        </label>`)}
    </fieldset>
  </details>`;
}

/** Something that not every network or system leaves to choose.
 * @param {string} name
 * @param {string} title
 * @param {string} text
 * @param {boolean} busy
 */
function option(name, title, text, busy) {
  return html`<label class="choice">
    <input type="checkbox" name=${name} ?disabled=${busy}>
    <span>${title}
      <span class="hint">${text}</span></span>
  </label>`;
}

/** @param {Actions} actions */
function submit(actions) {
  return fields((field) => actions.createIdentity(
    field("name"), /** @type {InfoForm} */ (field("form")), field("passphrase"),
    /** @type {KeyAlgorithm} */ (field("key")), field("work") !== "", field("store") !== ""));
}

/** @type {[InfoForm, import("../words.js").Key, import("../words.js").Key][]} */
const FORMS = [
  ["clear", "form.clear", "form.clear.text"],
  ["encrypted", "form.encrypted", "form.encrypted.text"],
  ["commit", "form.commit", "form.commit.text"],
];

/** What a kind of key is called.
 * @param {KeyAlgorithm} key
 */
export function keyName(key) {
  return { ed25519: "Ed25519", secp256k1: t("key.secp256k1"), ed448: "Ed448" }[key];
}

/** @type {KeyAlgorithm[]} */
const KEYS = ["ed25519", "secp256k1", "ed448"];
/** @type {Record<KeyAlgorithm, import("../words.js").Key>} */
const KEY_TEXTS = { ed25519: "key.ed25519.text", secp256k1: "key.secp256k1.text", ed448: "key.ed448.text" };

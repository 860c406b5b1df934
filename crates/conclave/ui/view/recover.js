/** @import { Actions, InfoForm, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { recovery } from "../state.js";
import { fields, moment } from "./form.js";
import { refusal } from "./notices.js";
import { infoForms, passphrase } from "./welcome.js";

/**
 * On a computer that is nobody yet: the words of the sheet.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function recover(screen, actions) {
  const busy = screen.busy.includes("recovery/recover");
  const send = fields((field) => actions.recover(field("words"), field("name"),
    /** @type {InfoForm} */ (field("form")), field("passphrase")));
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Come back with your recovery sheet</h1>
    <p>This computer makes a new key and takes the place of all your other devices. While one of them
      is left, that waits a day, in which it can object.</p>
    <form @submit=${send}>
      <label class="field">The 24 words, in their order
        <textarea name="words" required maxlength="500" rows="4" autocomplete="off" autocapitalize="none"
          autocorrect="off" spellcheck="false" aria-describedby="typed" ?disabled=${busy}
          @input=${count(actions)}></textarea>
      </label>
      <p class="hint" id="typed">${screen.typed} of 24 words</p>
      ${refusal(screen.refusal)}
      <label class="field">Your name
        <input name="name" maxlength="200" autocomplete="name" aria-describedby="kept" ?disabled=${busy}>
      </label>
      <p class="hint" id="kept">Leave it empty to keep a name that everyone can read on the ledger.</p>
      ${infoForms("clear", busy)}
      ${passphrase(busy)}
      <div class="row">
        <button type="button" ?disabled=${busy}
          @click=${() => actions.tell({ kind: "go", screen: "home" })}>Back</button>
        <button class="main" ?disabled=${busy}>${busy ? "Asking the ledger …" : "Come back"}</button>
      </div>
    </form>
  </section>`;
}

/** @param {Actions} actions */
function count(actions) {
  return (/** @type {InputEvent} */ event) => {
    const { value } = /** @type {HTMLTextAreaElement} */ (event.target);
    actions.tell({ kind: "typed", words: value.split(/\s+/).filter(Boolean).length });
  };
}

/**
 * Until when a recovery waits, and what to do meanwhile.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function recovering(screen, actions) {
  const me = screen.daemon?.identity;
  const asked = me && recovery(me);
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Your recovery waits</h1>
    <p role="status">${asked
      ? html`It happens on <strong><time datetime=${new Date(asked.due_ms).toISOString()}>${
        moment(asked.due_ms)}</time></strong>, unless one of your devices calls it off before.`
      : "The ledger is being asked until when."}</p>
    <ul class="bullets">
      <li>Leave Conclave running, or start it again after that time. The rest happens by itself.</li>
      <li>Keep the sheet: you may need it again.</li>
      <li>If a thief has one of your devices, they can call it off. Then use the sheet again.</li>
    </ul>
    ${me ? html`<p class="hint">This computer will be device <code>${me.device.slice(0, 8)}</code> with
      fingerprint <code>${me.fingerprint}</code>.</p>` : nothing}
    <button type="button" @click=${() => actions.tell({ kind: "go", screen: "recover" })}>
      Use the sheet again</button>
  </section>`;
}

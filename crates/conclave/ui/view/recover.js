/** @import { Actions, InfoForm, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { recovery } from "../state.js";
import { fields, moment } from "./form.js";
import { refusal } from "./notices.js";
import { infoForms, protection } from "./welcome.js";
import { rich, t } from "../words.js";

/**
 * On a computer that is nobody yet: the words of the sheet.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function recover(screen, actions) {
  const busy = screen.busy.includes("recovery/recover");
  const send = fields((field) => actions.recover(field("words"), field("name"),
    /** @type {InfoForm | ""} */ (field("form")), field("passphrase"), field("store") !== ""));
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t("recover.title")}</h1>
    <p>${t("recover.text")}</p>
    <form @submit=${send}>
      <label class="field">${t("recover.words")}
        <textarea name="words" required maxlength="500" rows="4" autocomplete="off" autocapitalize="none"
          autocorrect="off" spellcheck="false" aria-describedby="typed" ?disabled=${busy}
          @input=${count(actions)}></textarea>
      </label>
      <p class="hint" id="typed">${t("recover.typed", { count: screen.typed })}</p>
      ${refusal(screen.refusal)}
      <label class="field">${t("identity.yourname")}
        <input name="name" maxlength="200" autocomplete="name" aria-describedby="kept" ?disabled=${busy}>
      </label>
      <p class="hint" id="kept">${t("recover.keep")}</p>
      ${infoForms("", busy)}
      <p class="hint">${t("welcome.kept")}</p>
      ${protection(screen, busy)}
      <div class="row">
        <button type="button" ?disabled=${busy}
          @click=${() => actions.tell({ kind: "go", screen: "home" })}>${t("back")}</button>
        <button class="main" ?disabled=${busy}>${busy ? t("busy.asking") : t("recover.yes")}</button>
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
    <h1 tabindex="-1" data-focus>${t("recovering.title")}</h1>
    <p role="status">${asked
      ? rich("recovering.when", { when: html`<strong><time datetime=${new Date(asked.due_ms).toISOString()}>${
        moment(asked.due_ms)}</time></strong>` })
      : t("recovering.asking")}</p>
    <ul class="bullets">
      <li>${t("recovering.leave")}</li>
      <li>${t("recovering.keep")}</li>
      <li>${t("recovering.thief")}</li>
    </ul>
    ${me ? html`<p class="hint">${rich("recovering.device", { device: html`<code>${me.device.slice(0, 8)}</code>`,
      fingerprint: html`<code>${me.fingerprint}</code>` })}</p>` : nothing}
    <button type="button" @click=${() => actions.tell({ kind: "go", screen: "recover" })}>
      ${t("recovering.again")}</button>
  </section>`;
}

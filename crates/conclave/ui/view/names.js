/** @import { Actions, Identity, InfoForm, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { fields } from "./form.js";
import { refusal } from "./notices.js";
import { infoForms } from "./welcome.js";
import { t } from "../words.js";

/**
 * Another handle and another name, each folded away until it is wanted.
 *
 * @param {Screen} screen
 * @param {Identity} me
 * @param {boolean} active whether this device speaks for the person
 * @param {Actions} actions
 */
export function names(screen, me, active, actions) {
  if (!active || !me.registered) return nothing;
  return html`<div>${handle(screen, me, actions)}${rename(screen, me, actions)}</div>`;
}

/**
 * @param {Screen} screen
 * @param {Identity} me
 * @param {Actions} actions
 */
function handle(screen, me, actions) {
  const busy = screen.busy.includes("handle");
  const refused = screen.refusal?.of === "handle";
  const send = fields(async (field, form) => {
    if (await actions.claimHandle(field("name").replace(/^@/, ""))) fold(form);
  });
  return html`<details>
    <summary>${me.handle ? t("handle.another") : t("handle.claim.open")}</summary>
    <form @submit=${send}>
      <label class="field">${t("handle.title")}
        <input name="name" required maxlength="33" placeholder="@…" autocomplete="off" autocapitalize="none"
          spellcheck="false" aria-describedby="handle-rule" aria-invalid=${refused} ?disabled=${busy}>
      </label>
      ${refused ? refusal(screen.refusal) : nothing}
      <p class="hint" id="handle-rule">${t("handle.rule")} ${me.handle ? t("handle.giveup", { handle: me.handle }) : ""}
        ${t("handle.proves")}</p>
      <button class="main" ?disabled=${busy}>${busy ? t("busy.writing") : t("handle.claim")}</button>
    </form>
  </details>`;
}

/**
 * @param {Screen} screen
 * @param {Identity} me
 * @param {Actions} actions
 */
function rename(screen, me, actions) {
  const busy = screen.busy.includes("info");
  const refused = screen.refusal?.of === "info";
  const send = fields(async (field, form) => {
    const shown = /** @type {InfoForm | ""} */ (field("form"));
    if (await actions.rename(field("name"), shown, field("passphrase"))) fold(form);
  });
  return html`<details>
    <summary>${t("name.change.open")}</summary>
    <form @submit=${send}>
      <label class="field">${t("name.new")}
        <input name="name" required maxlength="200" autocomplete="name" value=${me.info.text}
          aria-invalid=${refused} ?disabled=${busy}>
      </label>
      ${refused ? refusal(screen.refusal) : nothing}
      ${infoForms("", busy)}
      <p class="hint">${t("welcome.kept")}</p>
      <label class="field">${t("passphrase.if")}
        <input name="passphrase" type="password" autocomplete="current-password" ?disabled=${busy}>
      </label>
      <p class="hint">${t("name.stays")}</p>
      <button class="main" ?disabled=${busy}>${busy ? t("busy.writing") : t("name.change")}</button>
    </form>
  </details>`;
}

/** What was done is put away, and focus goes back to what it was opened with.
 * @param {HTMLFormElement} form
 */
function fold(form) {
  const details = form.closest("details");
  form.reset();
  if (!details) return;
  details.open = false;
  details.querySelector("summary")?.focus();
}

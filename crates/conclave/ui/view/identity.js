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
import { keyName } from "./welcome.js";
import { rich, t } from "../words.js";

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
      <h1 tabindex="-1" data-focus>${t("identity.title")}</h1>
      <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>${t("back")}</button>
    </header>
    ${["handle", "info"].includes(screen.refusal?.of ?? "") ? nothing : refusal(screen.refusal)}
    ${warnings(screen, actions)}
    ${waits(screen, actions)}
    <div class="pair own">
      <section class="card" aria-label=${t("identity.who")}>${name(me)}${names(screen, me, active, actions)}</section>
      <section class="card" aria-label=${t("devices.title")}>
        ${devices(screen, me, actions)}
        <div class="row">
          <button type="button" class="main" ?disabled=${!active || screen.busy.includes("devices/offer")}
            @click=${actions.offerDevice}>${t("device.add")}</button>
          <button type="button" ?disabled=${!active || screen.busy.includes("devices/rotate")}
            @click=${() => actions.tell({ kind: "ask", question: { act: "rotate" } })}>
            ${screen.busy.includes("devices/rotate") ? t("busy.writing") : t("device.rotate")}</button>
        </div>
      </section>
      <section class="card" aria-label=${t("sheet.title")}>${recovery(screen, me, active, actions)}</section>
      <section class="card" aria-label=${t("history.title")}>${history(me)}</section>
      <section class="card" aria-label=${t("contacts.title")}>${contacts(daemon, actions)}</section>
      <section class="card" aria-label=${t("disclose.region")}>${disclose(screen, me, actions)}</section>
      <section class="card" aria-label=${t("check.title")}>${check(screen, daemon, actions)}</section>
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
  return panel(t("identity.title"), actions, html`
    ${warnings(screen, actions)}
    ${waits(screen, actions)}
    <p class="hint">${rich("fingerprint.is", { fingerprint: html`<code>${me.fingerprint}</code>` })}</p>
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
        <p class="hint">${t(FORMS[me.info.form])}</p></div>
    </div>
    ${me.registered ? nothing : html`<p>${t("identity.unknown")}</p>`}
    <dl class="ids">
      <div><dt>${t("identity.fingerprint.device")}</dt><dd><code>${me.fingerprint}</code></dd></div>
      ${me.key ? html`<div><dt>${t("identity.key")}</dt><dd>${keyName(me.key)}</dd></div>` : nothing}
      <div><dt>${t("identity.user")}</dt><dd><code>${me.user}</code></dd></div>
      <div><dt>${t("device.this")}</dt><dd><code>${me.device}</code></dd></div>
    </dl>
    <p class="hint">${t("identity.read")}</p>`;
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
    <span>${rich("identity.corner", { name: html`<span class="name">${me.info.text}</span>` }).map(unseen)}${
      alarm ? html`<span class="unseen">${t("identity.look")}</span>` : nothing}</span>
    ${alarm ? html`<span class="count alarm" aria-hidden="true">!</span>` : nothing}
  </button>`;
}

/** Words are for listeners: eyes see whose face it is.
 * @param {unknown} part
 */
function unseen(part) {
  return typeof part === "string" ? html`<span class="unseen">${part}</span>` : part;
}

/** @type {Record<import("../types.js").InfoForm, import("../words.js").Key>} */
export const FORMS = {
  clear: "form.clear.says",
  commit: "form.commit.says",
  encrypted: "form.encrypted.says",
};

/** @import { Actions, Device, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { day, fields, short } from "./form.js";
import { handed, linkField } from "./handed.js";
import { refusal } from "./notices.js";
import { protection } from "./welcome.js";
import { rich, t } from "../words.js";

/**
 * The machines that are the person, the oldest first.
 *
 * @param {Screen} screen
 * @param {Identity} me
 * @param {Actions} actions
 */
export function devices(screen, me, actions) {
  const mine = me.devices.find((one) => one.me);
  return html`
    <h2>${t("devices.title")}</h2>
    <p>${t("devices.text")}</p>
    ${me.devices.length ? html`<ul class="rows">
      ${repeat(me.devices, (one) => one.device, (one) => device(screen, one, mine, actions))}
    </ul>` : html`<p class="hint">${t("devices.none")}</p>`}`;
}

/**
 * @param {Screen} screen
 * @param {Device} one
 * @param {Device | undefined} mine
 * @param {Actions} actions
 */
function device(screen, one, mine, actions) {
  const name = one.me ? t("device.this") : t("device.name", { device: short(one.device) });
  const older = one.active && mine?.active && mine.seniority > one.seniority;
  const busy = screen.busy.includes("devices/revoke");
  return html`<li aria-label=${name}>
    <div>
      <p><strong>${name}</strong>
        ${one.active ? nothing : html`<span class="tag bad">${t("device.revoked")}</span>`}</p>
      <p class="hint"><code>${one.fingerprint}</code></p>
      <p class="hint">${t("device.on", { day: day(one.added_at_ms) })}${one.me ? ` · ${t("waits.device", { device: short(one.device) })}` : ""}
        ${older ? t("device.older") : ""}</p>
    </div>
    ${one.active && mine?.active ? html`<button type="button" class="danger" ?disabled=${busy}
      aria-label=${one.me ? t("device.revoke.this") : t("device.revoke.that", { device: short(one.device) })}
      @click=${() => actions.tell({ kind: "ask", question: { act: "revoke", device: one.device } })}>
      ${t("device.revoke")}</button>` : nothing}
  </li>`;
}

/**
 * On the first device: the link for the new one, and a field for what it answers.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function offer(screen, actions) {
  const me = screen.daemon?.identity;
  if (!screen.handed || !me) return html``;
  const busy = screen.busy.includes("devices/add");
  return html`<div class="pair own">
    <section class="card">
      <h1 tabindex="-1" data-focus>${t("device.add")}</h1>
      <p><strong>1.</strong> ${t("device.add.first")}</p>
      ${handed(screen, actions, screen.handed, t("device.add.link"))}
      <p class="hint">${me.info.form === "clear" ? t("device.add.nokey")
        : t("device.add.hidden")}</p>
    </section>
    <section class="card">
      <h2>${t("device.add.then")}</h2>
      <p><strong>2.</strong> ${t("device.add.second")}</p>
      <form @submit=${fields((field) => actions.addDevice(field("link")))}>
        ${linkField(t("device.add.answer"), "conclave:a/1", busy)}
        <p class="hint">${t("device.add.hint")}</p>
        ${refusal(screen.refusal)}
        <div class="row">
          <button type="button" @click=${() => actions.tell({ kind: "go", screen: "identity" })}>
            ${t("back")}</button>
          <button class="main" ?disabled=${busy}>
            ${busy ? t("busy.writing") : t("device.add.yes")}</button>
        </div>
      </form>
    </section>
  </div>`;
}

/**
 * On the new device: a field for the link of the first one.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function accept(screen, actions) {
  const busy = screen.busy.includes("devices/accept");
  const send = fields((field) => actions.acceptDevice(field("link"), field("passphrase"),
    field("store") !== ""));
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t("device.accept")}</h1>
    <p>${t("device.accept.text")}</p>
    <form @submit=${send}>
      ${linkField(t("device.accept.link"), "conclave:d/1", busy)}
      ${screen.daemon?.identity ? nothing : protection(screen, busy)}
      ${refusal(screen.refusal)}
      <div class="row">
        <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>${t("back")}</button>
        <button class="main" ?disabled=${busy}>${busy ? t("busy.key") : t("device.accept.yes")}</button>
      </div>
    </form>
  </section>`;
}

/**
 * On the new device: the link to take back, until the first one has used it.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function answer(screen, actions) {
  const me = screen.daemon?.identity;
  if (!screen.handed) return html``;
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t("device.answer")}</h1>
    <p>${t("device.answer.text")}</p>
    ${handed(screen, actions, screen.handed, t("device.answer.link"))}
    <p role="status">${t("device.answer.waits")}</p>
    ${me ? html`<p class="hint">${rich("device.answer.hint", { fingerprint: html`<code>${me.fingerprint}</code>` })}</p>`
      : nothing}
    <button type="button" @click=${() => actions.tell({ kind: "go", screen: "accept" })}>
      ${t("device.answer.again")}</button>
  </section>`;
}

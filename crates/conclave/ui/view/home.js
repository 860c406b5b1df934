/** @import { Actions, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { rich, t } from "../words.js";
import { evidence } from "./codes.js";
import { clock, fields, initials } from "./form.js";
import { linkField } from "./handed.js";
import { warnings } from "./history.js";
import { icon } from "./icon.js";
import { FORMS } from "./identity.js";
import { refusal } from "./notices.js";
import { overdue } from "./people.js";
import { waits } from "./waits.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function home(screen, actions) {
  const daemon = screen.daemon;
  const me = daemon?.identity;
  const able = Boolean(me?.registered && !me.devices.some((one) => one.me && !one.active));
  const way = html`<button type="button" class="main" @click=${() =>
    actions.tell({ kind: "go", screen: "identity" })}>${t("home.look")}</button>`;
  return html`
    ${overdue(daemon?.network)}
    ${daemon?.network.fork ? evidence(daemon.network.fork) : nothing}
    ${warnings(screen, actions, way)}
    ${waits(screen, actions)}
    ${daemon?.network.freshness === "stale" ? html`<p class="refusal" role="alert">
      <strong>${t("home.stale")}</strong> ${t("home.stale.next")}</p>` : nothing}
    <div class="pair big">${start(screen, able, actions)}${join(able, actions)}</div>
    ${person(screen, actions)}
    ${daemon?.recent.length ? html`<section class="card">
      <h2>${t("home.ended")}</h2>
      <ul class="rows">${daemon.recent.slice(0, 5).map(({ title, ended_at_ms }) => html`
        <li><span>${title || t("home.untitled")}</span><time class="hint">${clock(ended_at_ms)}</time></li>`)}
      </ul>
    </section>` : nothing}`;
}

/**
 * @param {Screen} screen
 * @param {boolean} able
 * @param {Actions} actions
 */
function start(screen, able, actions) {
  const busy = screen.busy.includes("meetings");
  const send = fields((field) =>
    actions.start(field("title"), {
      ...(field("auto_admit") ? { auto_admit: true } : {}),
      ...(field("sealed") ? { sealed: true } : {}),
    }));
  return html`<section class="card">
    <span class="emblem" aria-hidden="true">${icon("camera")}</span>
    <h1 tabindex="-1" data-focus>${t("home.new")}</h1>
    <p>${t("home.new.text")}</p>
    <form @submit=${send}>
      <label class="field">${t("home.name")}
        <input name="title" required maxlength="120" autocomplete="off" ?disabled=${busy}>
      </label>
      <label class="choice">
        <input type="checkbox" name="auto_admit" ?disabled=${busy}>
        <span>${t("home.auto")} <span class="hint">${t("home.auto.text")}</span></span>
      </label>
      <label class="choice">
        <input type="checkbox" name="sealed" ?disabled=${busy}>
        <span>${t("home.sealed")} <span class="hint">${t("home.sealed.text")}</span></span>
      </label>
      ${refusal(screen.refusal)}
      <button class="main wide" ?disabled=${busy || !able}>${t(busy ? "home.starting" : "home.start")}</button>
    </form>
  </section>`;
}

/**
 * @param {boolean} able
 * @param {Actions} actions
 */
function join(able, actions) {
  return html`<section class="card">
    <span class="emblem" aria-hidden="true">${icon("link")}</span>
    <h2>${t("home.invited")}</h2>
    <p>${t("home.invited.text")}</p>
    <ol class="bullets numbers">
      <li>${t("home.invited.paste")}</li>
      <li>${t("home.invited.see")}</li>
      <li>${t("home.invited.ask")}</li>
    </ol>
    <button type="button" class="main wide" ?disabled=${!able}
      @click=${() => actions.tell({ kind: "go", screen: "join" })}>${t("join.title")}</button>
    <button type="button" class="wide" @click=${actions.doctor}>${t("doctor.title")}</button>
  </section>`;
}

/**
 * Who one is, and the way to all of it.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
function person({ daemon }, actions) {
  const me = daemon?.identity;
  return html`<section class="card who">
    <span class="face" aria-hidden="true">${initials(me?.info.text ?? "")}</span>
    <p><span><strong>${me?.info.text}</strong> ${me?.handle ? html`<span class="handle">@${me.handle}</span>` : nothing}</span>
      <span class="hint">${t(FORMS[me?.info.form ?? "clear"])} · ${rich("home.fingerprint", {
        fingerprint: html`<code>${me?.fingerprint}</code>` })}</span>
      ${me?.registered ? me.recovery ? nothing : html`<span class="hint">${t("home.nosheet")}</span>`
        : html`<span class="hint">${t("identity.unknown")}</span>`}
    </p>
    ${me?.registered ? html`<button type="button" @click=${() =>
        actions.tell({ kind: "go", screen: "identity" })}>${t("home.devices")}</button>`
      : html`<span class="row">
        <button type="button" @click=${() =>
          actions.tell({ kind: "go", screen: "accept" })}>${t("home.again.link")}</button>
        <button type="button" @click=${() =>
          actions.tell({ kind: "go", screen: "recover" })}>${t("home.again.sheet")}</button>
      </span>`}
  </section>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function joinForm(screen, actions) {
  const busy = screen.busy.includes("invite");
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t("join.title")}</h1>
    <p>${t("join.text")}</p>
    <form @submit=${fields((field) => actions.check(field("link")))}>
      ${linkField(t("join.link"), "conclave:j/1", busy)}
      ${refusal(screen.refusal)}
      <div class="row">
        <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>${t("back")}</button>
        <button class="main" ?disabled=${busy}>${t(busy ? "join.checking" : "join.check")}</button>
      </div>
    </form>
  </section>`;
}

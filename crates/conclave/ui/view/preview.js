/** @import { Actions, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { SELF } from "../media.js";
import { rich, t } from "../words.js";
import { sentence } from "./form.js";
import { choices, meter } from "./gear.js";
import { icon } from "./icon.js";
import { refusal } from "./notices.js";
import { played } from "./stream.js";

/**
 * What the link leads to, and how one will be seen and heard.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function preview(screen, actions) {
  const found = screen.preview;
  if (!found) return html``;
  const busy = screen.busy.includes("join");
  const good = found.checks.every(({ ok }) => ok);
  return html`<div class="pair">
    <section class="card">
      <h1 tabindex="-1" data-focus>${found.title || t("meeting.untitled")}</h1>
      <p>${rich("preview.led", { name: html`<strong>${found.leader.name}</strong>` })}
        <span class="hint">${rich("home.fingerprint", { fingerprint: html`<code>${found.leader.fingerprint}</code>` })}</span></p>
      ${facts(found.checks)}
      <p class="hint">${t("lobby.proven", { height: found.proof_height })}</p>
      ${refusal(screen.refusal)}
      <div class="row">
        <button type="button" @click=${() => actions.tell({ kind: "go", screen: "join" })}>${t("back")}</button>
        <button type="button" class="main" ?disabled=${busy || !good} @click=${actions.join}>
          ${t(busy ? "preview.asking" : "preview.ask")}</button>
      </div>
    </section>
    ${mirror(screen, actions)}
  </div>`;
}

/** @param {{ ok: boolean, text: string }[]} checks */
export function facts(checks) {
  return html`<ul class="facts">${checks.map(({ ok, text }) => html`
    <li class=${ok ? "good" : "bad"}>${icon(ok ? "check" : "cross")}
      <span><span class="unseen">${t(ok ? "facts.good" : "facts.bad")} </span>${sentence(text)}</span></li>`)}
  </ul>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function mirror(screen, actions) {
  const { camera, mic, problem } = screen.media;
  return html`<section class="card" aria-label=${t("mirror.title")}>
    <div class="mirror">
      <video class="own" autoplay playsinline muted ?hidden=${!camera}
        .srcObject=${played(actions.picture(SELF, "video"))}></video>
      ${camera ? "" : html`<p>${t("tile.cameraoff")}</p>`}
    </div>
    <div class="row">${switches(screen, actions)}</div>
    ${mic ? meter() : nothing}
    ${problem ? html`<p class="refusal" role="alert">${problem}</p>` : ""}
    <p class="hint">${t(mic ? "mirror.heard" : "mirror.muted")} ${t(camera ? "mirror.seen" : "mirror.unseen")}</p>
    <details><summary>${t("gear.title")}</summary>${choices(screen, actions)}</details>
  </section>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function switches(screen, actions) {
  const { camera, mic } = screen.media;
  return html`
    <button type="button" class="tool ${mic ? "" : "off"}" @click=${() => actions.mute(mic)}>
      ${icon(mic ? "mic" : "micOff")}<span>${t(mic ? "tools.mute" : "tools.unmute")}</span></button>
    <button type="button" class="tool ${camera ? "" : "off"}" @click=${() => actions.camera(!camera)}>
      ${icon(camera ? "camera" : "cameraOff")}<span>${t(camera ? "tools.cameraoff" : "tools.cameraon")}</span></button>`;
}

/** @import { Actions, Screen } from "../types.js" */
import { html } from "../node_modules/lit-html/lit-html.js";
import { SELF } from "../media.js";
import { icon } from "./icon.js";
import { refusal } from "./notices.js";

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
      <h1 tabindex="-1" data-focus>${found.title || "Meeting"}</h1>
      <p>Led by <strong>${found.leader.name}</strong>
        <span class="hint">fingerprint <code>${found.leader.fingerprint}</code></span></p>
      ${facts(found.checks)}
      <p class="hint">Proven at block ${found.proof_height} of the ledger.</p>
      ${refusal(screen.refusal)}
      <div class="row">
        <button type="button" @click=${() => actions.tell({ kind: "go", screen: "join" })}>Back</button>
        <button type="button" class="main" ?disabled=${busy || !good} @click=${actions.join}>
          ${busy ? "Asking …" : "Ask to come in"}</button>
      </div>
    </section>
    ${mirror(screen, actions)}
  </div>`;
}

/** @param {{ ok: boolean, text: string }[]} checks */
export function facts(checks) {
  return html`<ul class="facts">${checks.map(({ ok, text }) => html`
    <li class=${ok ? "good" : "bad"}>${icon(ok ? "check" : "cross")}
      <span><span class="unseen">${ok ? "Checked: " : "Failed: "}</span>${text}</span></li>`)}
  </ul>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function mirror(screen, actions) {
  const { camera, mic, problem } = screen.media;
  return html`<section class="card" aria-label="Your camera and microphone">
    <div class="mirror">
      <video class="own" autoplay playsinline muted ?hidden=${!camera}
        .srcObject=${actions.picture(SELF, "video")}></video>
      ${camera ? "" : html`<p>Camera off</p>`}
    </div>
    <div class="row">${switches(screen, actions)}</div>
    ${problem ? html`<p class="refusal" role="alert">${problem}</p>` : ""}
    <p class="hint">${mic ? "You will be heard." : "You will be muted."}
      ${camera ? "You will be seen." : "You will not be seen."}</p>
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
      ${icon(mic ? "mic" : "micOff")}<span>${mic ? "Mute" : "Unmute"}</span></button>
    <button type="button" class="tool ${camera ? "" : "off"}" @click=${() => actions.camera(!camera)}>
      ${icon(camera ? "camera" : "cameraOff")}<span>${camera ? "Camera off" : "Camera on"}</span></button>`;
}

/** @import { Actions, Check, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { t } from "../words.js";
import { sentence } from "./form.js";
import { icon } from "./icon.js";
import { refusal } from "./notices.js";
import { mirror } from "./preview.js";

/**
 * The connection test: what this computer, its network and this browser lack for a meeting, and how one
 * will be seen and heard.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function doctor(screen, actions) {
  const busy = screen.busy.includes("doctor");
  const checks = [...screen.checks ?? [], ...screen.checks ? browser() : []];
  const bad = checks.filter(({ level }) => level !== "ok").length;
  return html`<div class="pair"><section class="card">
    <h1 tabindex="-1" data-focus>${t("doctor.title")}</h1>
    <p role="status">${busy ? t("doctor.busy") : screen.checks ? t(bad ? "doctor.bad" : "doctor.good") : t("doctor.text")}</p>
    ${refusal(screen.refusal)}
    <ul class="checks">${checks.map(check)}</ul>
    <div class="row">
      <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>${t("back")}</button>
      <button type="button" class="main" ?disabled=${busy} @click=${actions.doctor}>${t("doctor.again")}</button>
    </div>
  </section>${mirror(screen, actions)}</div>`;
}

/** @param {Check} one */
function check({ level, name, next, text }) {
  return html`<li class=${level}>${icon(level === "ok" ? "check" : level === "warn" ? "alarm" : "cross")}
    <div><p><strong>${name}</strong> <span class="tag">${t(LEVELS[level])}</span></p>
      <p>${sentence(text)}</p>${next && level !== "ok" ? html`<p class="hint">${sentence(next)}</p>` : nothing}</div></li>`;
}

/** What only the page can know: whether this browser can hold a meeting.
 * @returns {Check[]}
 */
function browser() {
  const calls = "RTCPeerConnection" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);
  const vp8 = calls && RTCRtpReceiver.getCapabilities("video")?.codecs.some(({ mimeType }) => /vp8/i.test(mimeType));
  return [calls && vp8 ? { name: t("doctor.browser"), level: "ok", text: t("doctor.browser.ok"), next: "" }
    : { name: t("doctor.browser"), level: "bad", text: t("doctor.browser.bad"), next: t("doctor.browser.next") }];
}

/** @type {Record<Check["level"], import("../words.js").Key>} */
const LEVELS = { ok: "doctor.ok", warn: "notice.warn", bad: "notice.error" };

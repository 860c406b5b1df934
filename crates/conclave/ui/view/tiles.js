/** @import { Actions, Meeting, Member, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { largest } from "../levels.js";
import { t } from "../words.js";
import { initials, sentence } from "./form.js";
import { icon } from "./icon.js";
import { played } from "./stream.js";

/**
 * Everyone in the meeting, and the screens they share. Where each tile stands is measured later.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function tiles(screen, meeting, actions) {
  const shared = meeting.members.filter((member) => shares(screen, member));
  const large = largest(screen, meeting, shared.length > 0);
  return html`<div class="tiles">
    ${repeat(shared, ({ idx }) => idx, (member) => screenTile(screen, member, actions))}
    ${repeat(meeting.members, ({ idx }) => idx, (member) => tile(screen, member, member.idx === large, actions))}
  </div>`;
}

/**
 * @param {Screen} screen
 * @param {Member} member
 */
function shares(screen, member) {
  return member.me ? screen.media.screen : member.streams.some(({ kind, live }) => kind === "screen" && live);
}

/**
 * @param {Screen} screen
 * @param {Member} member
 * @param {boolean} main
 * @param {Actions} actions
 */
function tile(screen, member, main, actions) {
  const { idx, me, name } = member;
  const why = missing(screen, member);
  const blind = !me && member.key !== "ok";
  const classes = [me ? "mine" : "", main ? "main" : "", screen.speaker === idx ? "speaking" : ""];
  return html`<article class="tile ${classes.join(" ")}" data-idx=${idx} aria-label=${name}>
    <video class=${me ? "own" : ""} autoplay playsinline muted
      .srcObject=${played(actions.picture(idx, "video"))} ?hidden=${why !== ""}></video>
    ${me ? nothing : sound(member, "audio", actions)}
    ${why ? html`<div class="blank"><span class="face" aria-hidden="true">${initials(name)}</span>
      <p>${blind ? html`${icon("key")}<strong>${t("tile.nokey")}</strong> ` : nothing}<span>${why}</span></p></div>` : nothing}
    ${buttons(screen, member, main, why === "", actions)}
    <footer>${badges(screen, member)}</footer>
  </article>`;
}

/**
 * @param {Screen} screen
 * @param {Member} member
 */
function badges(screen, member) {
  const muted = member.me ? !screen.media.mic
    : !member.streams.some(({ kind, live }) => kind === "audio" && live);
  const records = member.me ? screen.recording : member.recording;
  return html`
    ${member.hand_ms ? html`<span class="up">${icon("hand")}<span class="unseen">${t("tile.hand")}</span></span>` : nothing}
    ${muted ? html`<span class="silent">${icon("micOff")}<span class="unseen">${t("tile.muted")}</span></span>` : nothing}
    <span class="name">${member.name}</span>
    ${records ? html`<span class="rec"><span class="dot" aria-hidden="true"></span>${t("tile.records")}</span>` : nothing}
    ${member.me ? html`<span class="tag">${t("tag.you")}</span>` : nothing}
    ${member.leader ? html`<span class="tag">${t("tag.leader")}</span>` : nothing}
    ${quality(member) === "poor" ? html`<span class="weak">${icon("signal")}<span class="unseen">${t("quality.poor")}</span></span>` : nothing}
    ${member.met && !member.met.ok ? html`<span class="tag warn">
      ${icon("alarm")}<span>${t("tile.unexplained")}</span></span>` : nothing}`;
}

/**
 * How good the connection to somebody is; null where nothing is known.
 *
 * @param {Member} member
 * @returns {"good" | "fair" | "poor" | null}
 */
export function quality({ quality }) {
  if (!quality) return null;
  if (quality.rtt_ms > 600 || quality.loss > 0.1) return "poor";
  return quality.rtt_ms > 250 || quality.loss > 0.02 ? "fair" : "good";
}

/**
 * What can be done with a tile; large ones offer more.
 *
 * @param {Screen} screen
 * @param {Member} member
 * @param {boolean} main
 * @param {boolean} seen
 * @param {Actions} actions
 */
function buttons({ pinned }, { idx, name }, main, seen, actions) {
  const held = pinned === idx;
  return html`<div class="over">
    ${main && seen ? html`
      ${document.pictureInPictureEnabled ? html`<button type="button" class="plain" aria-label=${t("tile.float", { name })}
        @click=${() => actions.float(idx)}>${icon("float")}</button>` : nothing}
      <button type="button" class="plain" aria-label=${t("tile.fill", { name })}
        @click=${() => actions.fill(idx)}>${icon("full")}</button>` : nothing}
    <button type="button" class="plain pin" aria-pressed=${held} aria-label=${t("tile.pin", { name })}
      @click=${() => actions.tell({ kind: "pin", idx: held ? null : idx })}>${icon("pin")}</button>
  </div>`;
}

/**
 * @param {Screen} screen
 * @param {Member} member
 * @param {Actions} actions
 */
function screenTile({ pinned }, member, actions) {
  const label = t("tile.screen", { name: member.name });
  return html`<article class="tile screen ${pinned === null ? "main" : ""}" aria-label=${label}>
    <video autoplay playsinline muted .srcObject=${played(actions.picture(member.idx, "screen"))}></video>
    ${member.me ? nothing : sound(member, "screen-audio", actions)}
    <footer><span class="name">${label}</span></footer>
  </article>`;
}

/**
 * @param {Member} member
 * @param {"audio" | "screen-audio"} kind
 * @param {Actions} actions
 */
function sound(member, kind, actions) {
  return html`<audio autoplay .srcObject=${played(actions.picture(member.idx, kind))}></audio>`;
}

/**
 * Why there is no picture; empty when there is one. Of a missing key the daemon says whose it is,
 * since when, and what is being done.
 *
 * @param {Screen} screen
 * @param {Member} member
 */
export function missing(screen, member) {
  if (member.me) return screen.media.camera ? "" : t("tile.cameraoff");
  if (member.key === "waiting") return sentence(member.key_text) || t("tile.waits", { name: member.name });
  if (member.key === "problem") return sentence(member.key_text) || t("tile.repairs", { name: member.name });
  if (member.link === "none") return t("tile.connecting");
  return member.streams.some(({ kind, live }) => kind === "video" && live) ? "" : t("tile.cameraoff");
}

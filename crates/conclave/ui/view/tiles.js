/** @import { Actions, Meeting, Member, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { initials } from "./form.js";
import { icon } from "./icon.js";

/**
 * Everyone in the meeting, and the screens they share.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function tiles(screen, meeting, actions) {
  const shared = meeting.members.filter((member) => shares(screen, member));
  const count = meeting.members.length;
  const kind = shared.length ? "presenting" : count > 9 ? "many" : `n${count}`;
  return html`<div class="tiles ${kind}">
    ${repeat(shared, ({ idx }) => idx, (member) => screenTile(member, actions))}
    ${repeat(meeting.members, ({ idx }) => idx, (member) => tile(screen, member, actions))}
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
 * @param {Actions} actions
 */
function tile(screen, member, actions) {
  const why = missing(screen, member);
  const muted = member.me ? !screen.media.mic
    : !member.streams.some(({ kind, live }) => kind === "audio" && live);
  return html`<article class="tile ${member.me ? "mine" : ""}" aria-label=${member.name}>
    <video class=${member.me ? "own" : ""} autoplay playsinline muted
      .srcObject=${actions.picture(member.idx, "video")} ?hidden=${why !== ""}></video>
    ${member.me ? nothing : sound(member, "audio", actions)}
    ${why ? html`<div class="blank"><span class="face" aria-hidden="true">${initials(member.name)}</span>
      <p>${why}</p></div>` : nothing}
    <footer>
      ${muted ? html`<span class="silent">${icon("micOff")}<span class="unseen">Muted</span></span>` : nothing}
      <span class="name">${member.name}</span>
      ${member.me ? html`<span class="tag">you</span>` : nothing}
      ${member.leader ? html`<span class="tag">leader</span>` : nothing}
      ${member.met && !member.met.ok ? html`<span class="tag warn">
        ${icon("alarm")}<span>keys not explained</span></span>` : nothing}
    </footer>
  </article>`;
}

/**
 * @param {Member} member
 * @param {Actions} actions
 */
function screenTile(member, actions) {
  return html`<article class="tile screen" aria-label="Screen of ${member.name}">
    <video autoplay playsinline muted .srcObject=${actions.picture(member.idx, "screen")}></video>
    ${member.me ? nothing : sound(member, "screen-audio", actions)}
    <footer><span class="name">Screen of ${member.name}</span></footer>
  </article>`;
}

/**
 * @param {Member} member
 * @param {"audio" | "screen-audio"} kind
 * @param {Actions} actions
 */
function sound(member, kind, actions) {
  return html`<audio autoplay .srcObject=${actions.picture(member.idx, kind)}></audio>`;
}

/**
 * Why there is no picture; empty when there is one.
 *
 * @param {Screen} screen
 * @param {Member} member
 */
export function missing(screen, member) {
  if (member.me) return screen.media.camera ? "" : "Camera off";
  if (member.key === "waiting") return member.key_text || "Waiting for the key";
  if (member.key === "problem") return member.key_text || "The key is being repaired";
  if (member.link === "none") return "Connecting";
  return member.streams.some(({ kind, live }) => kind === "video" && live) ? "" : "Camera off";
}

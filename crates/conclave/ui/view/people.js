/** @import { Actions, Admission, Meeting, Member, Network, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { suspects } from "../lookalike.js";
import { many, t } from "../words.js";
import { alike, handle, met } from "./contacts.js";
import { initials, sentence } from "./form.js";
import { icon } from "./icon.js";
import { panel } from "./panel.js";
import { quality } from "./tiles.js";

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function people(screen, meeting, actions) {
  const leads = meeting.role === "leader";
  const odd = suspects(meeting.members, screen.daemon?.contacts);
  return panel(t("people.title"), actions, html`
    ${leads ? chair(screen, meeting, actions) : nothing}
    ${meeting.sealed ? html`<p class="hint">${t("people.sealed")}</p>` : nothing}
    ${meeting.locked ? html`<p class="hint">${t("people.locked")}</p>` : nothing}
    <ul class="people">${repeat(sorted(meeting.members), ({ idx }) => idx, (member) =>
      person(screen, member, leads, odd.get(member.idx), actions))}</ul>`);
}

/** Raised hands come first, the longest raised one before the others.
 * @param {Member[]} members
 */
function sorted(members) {
  return [...members].sort((one, other) => (one.hand_ms || Infinity) === (other.hand_ms || Infinity) ? 0
    : (one.hand_ms || Infinity) - (other.hand_ms || Infinity));
}

/**
 * What the leader decides about all.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
function chair(screen, meeting, actions) {
  const admit = meeting.policy?.admit;
  return html`<div class="row">
      <button type="button" ?disabled=${screen.busy.includes("lock")}
        @click=${() => actions.lock(!meeting.locked)}>${t(meeting.locked ? "people.unlock" : "people.lock")}</button>
      <button type="button" ?disabled=${screen.busy.includes("ask null mute")}
        @click=${() => actions.ask(null, "mute")}>${t("people.muteall")}</button>
    </div>
    ${admit ? html`<label class="field">${t("people.admission")}
      <select @change=${(/** @type {Event} */ { target }) =>
        actions.admission(/** @type {Admission} */ (/** @type {HTMLSelectElement} */ (target).value))}>
        ${ADMISSIONS.map(([value, text]) => html`<option value=${value} ?selected=${value === admit}>${t(text)}</option>`)}
      </select></label>` : nothing}`;
}

/**
 * @param {Screen} screen
 * @param {Member} member
 * @param {boolean} leads
 * @param {"odd" | "twin" | undefined} odd
 * @param {Actions} actions
 */
function person(screen, member, leads, odd, actions) {
  const { name } = member;
  return html`<li aria-label=${name}>
    <span class="face" aria-hidden="true">${initials(name)}</span>
    <div>
      <p><strong>${name}</strong> ${handle(member)}
        ${member.hand_ms ? html`<span class="tag up">${icon("hand")}${t("tile.hand")}</span>` : nothing}
        ${member.recording ? html`<span class="tag bad">${t("tile.records")}</span>` : nothing}
        ${member.me ? html`<span class="tag">${t("tag.you")}</span>` : nothing}
        ${member.leader ? html`<span class="tag">${t("tag.leader")}</span>` : nothing}
        ${member.hidden ? html`<span class="tag">${t("people.hidden")}</span>` : nothing}</p>
      <p class="hint"><code>${member.fingerprint}</code></p>
      <p class="hint">${t(LINKS[member.link])} · ${t(KEYS[member.key])}${connection(member)} ·
        ${t("people.admitted", { height: member.admitted_height })}</p>
      ${met(member.met)}
      ${alike(odd)}
      ${member.key_text ? html`<p class="bad">${sentence(member.key_text)}</p>` : nothing}
      ${member.votes ? html`<p class="hint">${member.me
        ? many(member.votes, "people.votes.you.one", "people.votes.you")
        : many(member.votes, "people.votes.one", "people.votes")} ${t("people.votes.needed")}</p>` : nothing}
      <div class="row">${acts(screen, member, leads, actions)}</div>
    </div>
  </li>`;
}

/** What is known of the way to somebody.
 * @param {Member} member
 */
function connection(member) {
  const good = quality(member);
  if (!good || !member.quality) return "";
  const { loss, rtt_ms } = member.quality;
  return ` · ${t(QUALITIES[good])} (${t("quality.figures", { rtt: Math.round(rtt_ms), loss: Math.round(loss * 100) })})`;
}

/**
 * @param {Screen} screen
 * @param {Member} member
 * @param {boolean} leads
 * @param {Actions} actions
 */
function acts(screen, { idx, leader, me, name, streams }, leads, actions) {
  const pinned = screen.pinned === idx;
  const heard = streams.some(({ kind, live }) => kind === "audio" && live);
  /** @param {import("../types.js").Wish} what */
  const busy = (what) => screen.busy.includes(`ask ${idx} ${what}`);
  return html`
    ${me ? html`<button type="button" @click=${() =>
      actions.tell({ kind: "panel", panel: "identity" })}>${t("people.yours")}</button>`
    : html`<button type="button" aria-pressed=${pinned} aria-label=${t("people.pin.who", { name })} @click=${() =>
      actions.tell({ kind: "pin", idx: pinned ? null : idx })}>${t("people.pin")}</button>
      <button type="button" ?disabled=${busy(heard ? "mute" : "unmute")}
        aria-label=${t(heard ? "people.mute.who" : "people.unmute.who", { name })}
        @click=${() => actions.ask(idx, heard ? "mute" : "unmute")}>${t(heard ? "people.mute" : "people.unmute")}</button>`}
    ${!leads && !leader ? html`<button type="button" aria-label=${t("people.vote.who", { name })}
      ?disabled=${screen.busy.includes(`vote ${idx}`)} @click=${() => actions.vote(idx)}>${t("people.vote")}</button>` : nothing}
    ${leads && !me ? html`
      <button type="button" aria-label=${t("people.handover.who", { name })}
        ?disabled=${screen.busy.includes(`appoint ${idx}`)} @click=${() =>
        actions.tell({ kind: "ask", question: { act: "appoint", idx } })}>${t("person.handover")}</button>
      <button type="button" aria-label=${t("people.kick.who", { name })} @click=${() =>
        actions.tell({ kind: "ask", question: { act: "kick", idx, ban: false } })}>${t("people.kick")}</button>
      <button type="button" class="danger" aria-label=${t("people.ban.who", { name })} @click=${() =>
        actions.tell({ kind: "ask", question: { act: "kick", idx, ban: true } })}>${t("people.ban")}</button>` : nothing}`;
}

/** Steps that the validators do not take in (protocol, section 6).
 * @param {Network} [network]
 */
export function overdue(network) {
  const count = network?.overdue ?? 0;
  return count === 0 ? nothing : html`<p class="refusal" role="alert">
    <strong>${many(count, "overdue.one", "overdue.many")}</strong> ${t("overdue.next")}</p>`;
}

/** @type {Record<Member["link"], import("../words.js").Key>} */
const LINKS = { direct: "link.direct", none: "link.none", relayed: "link.relayed", self: "link.self" };
/** @type {Record<Member["key"], import("../words.js").Key>} */
const KEYS = { ok: "people.key.ok", problem: "people.key.problem", waiting: "people.key.waiting" };
/** @type {Record<"good" | "fair" | "poor", import("../words.js").Key>} */
const QUALITIES = { good: "quality.good", fair: "quality.fair", poor: "quality.poor" };
/** @type {[Admission, import("../words.js").Key][]} */
const ADMISSIONS = [["ask", "admission.ask"], ["met", "admission.met"], ["everyone", "admission.everyone"]];

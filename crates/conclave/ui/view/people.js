/** @import { Actions, Meeting, Member, Network, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { met } from "./contacts.js";
import { age, initials } from "./form.js";
import { panel } from "./panel.js";

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function people(screen, meeting, actions) {
  const network = screen.daemon?.network;
  const leads = meeting.role === "leader";
  return panel("People", actions, html`
    <dl class="table">
      <div><dt>Key</dt><dd>epoch ${meeting.epoch}, ${age(meeting.key_age_ms)} old</dd></div>
      <div><dt>Leader term</dt><dd>${meeting.term}</dd></div>
      <div><dt>Ledger</dt><dd>block ${network?.height}, ${age(network?.age_ms ?? 0)} old</dd></div>
    </dl>
    ${leads ? html`<div class="row"><button type="button" ?disabled=${screen.busy.includes("lock")}
      @click=${() => actions.lock(!meeting.locked)}>${meeting.locked ? "Unlock the meeting" : "Lock the meeting"}</button></div>` : nothing}
    ${meeting.sealed ? html`<p class="hint">Sealed: the ledger does not see who joins.</p>` : nothing}
    ${meeting.locked ? html`<p class="hint">Locked: nobody new can ask to come in.</p>` : nothing}
    <ul class="people">${repeat(meeting.members, ({ idx }) => idx, (member) =>
      person(screen, member, leads, actions))}</ul>
    <h3>Validators</h3>
    ${overdue(network)}
    <ul class="rows">${network?.validators.map(({ key, url, height, ok }) => html`
      <li><span><code>${key}</code> <span class="hint">${url}</span></span>
        <span class=${ok ? "hint" : "bad"}>${ok ? `block ${height ?? "?"}` : "no answer"}</span></li>`)}
    </ul>`);
}

/**
 * @param {Screen} screen
 * @param {Member} member
 * @param {boolean} leads
 * @param {Actions} actions
 */
function person(screen, member, leads, actions) {
  const { idx } = member;
  return html`<li aria-label=${member.name}>
    <span class="face" aria-hidden="true">${initials(member.name)}</span>
    <div>
      <p><strong>${member.name}</strong>
        ${member.me ? html`<span class="tag">you</span>` : nothing}
        ${member.leader ? html`<span class="tag">leader</span>` : nothing}
        ${member.hidden ? html`<span class="tag">hidden from the ledger</span>` : nothing}</p>
      <p class="hint"><code>${member.fingerprint}</code></p>
      <p class="hint">${LINKS[member.link]} · ${KEYS[member.key]} · admitted at block
        ${member.admitted_height}</p>
      ${met(member.met)}
      ${member.key_text ? html`<p class="bad">${member.key_text}</p>` : nothing}
      ${member.votes ? html`<p class="hint">${member.votes === 1 ? "1 person wants" : `${member.votes} people want`}
        ${member.me ? "you" : "them"} to lead. More than half of all are needed.</p>` : nothing}
      ${member.me ? html`<div class="row"><button type="button" @click=${() =>
        actions.tell({ kind: "panel", panel: "identity" })}>Your devices and history</button></div>` : nothing}
      ${!leads && !member.leader ? html`<div class="row">
        <button type="button" aria-label="Vote to lead: ${member.name}"
          ?disabled=${screen.busy.includes(`vote ${idx}`)} @click=${() =>
          actions.vote(idx)}>Vote to lead</button></div>` : nothing}
      ${leads && !member.me ? html`<div class="row">
        <button type="button" aria-label="Hand over to ${member.name}"
          ?disabled=${screen.busy.includes(`appoint ${idx}`)} @click=${() =>
          actions.tell({ kind: "ask", question: { act: "appoint", idx } })}>Hand over</button>
        <button type="button" aria-label="Kick ${member.name}" @click=${() =>
          actions.tell({ kind: "ask", question: { act: "kick", idx, ban: false } })}>Kick</button>
        <button type="button" class="danger" aria-label="Kick and ban ${member.name}" @click=${() =>
          actions.tell({ kind: "ask", question: { act: "kick", idx, ban: true } })}>Kick and ban</button>
      </div>` : nothing}
    </div>
  </li>`;
}

/** Steps that the validators do not take in (protocol, section 6).
 * @param {Network} [network]
 */
export function overdue(network) {
  const count = network?.overdue ?? 0;
  return count === 0 ? nothing : html`<p class="refusal" role="alert"><strong>The validators have not
    taken ${count === 1 ? "a step" : `${count} steps`} of yours for more than 10 seconds.</strong>
    Perhaps they are held back. They are sent to all of them again and again.</p>`;
}

const LINKS = {
  direct: "Direct connection", none: "Not connected", relayed: "Through a relay", self: "This computer",
};
const KEYS = { ok: "has the key", problem: "key problem", waiting: "waits for the key" };

/** @import { MeetingView, MemberLine } from "../types.js" */
import { html } from "../../node_modules/lit-html/lit-html.js";
import { number, short } from "../text.js";
import { facts, info, link, time, when, whole } from "./parts.js";
import { history } from "./people.js";

/** One meeting: its state, who is in, what happened.
 * @param {MeetingView} view
 */
export function meeting(view) {
  const leader = view.members.find(({ idx }) => idx === view.leader);
  const members = view.members.filter(({ in_roster }) => in_roster);
  const others = view.members.filter(({ in_roster }) => !in_roster);
  return html`
    <section class="card">
      <div class="headline"><h1 tabindex="-1">Meeting ${short(view.id)}</h1>
        <span class="tag ${view.state === "open" ? "good" : ""}">${view.state}</span></div>
      ${facts([
        ["Id", whole(view.id)],
        ["Says of itself", info(view.info)],
        ["Opened", html`${time(view.published_ms)}, block ${link("block", String(view.published))}`],
        ["Leader", html`${leader ? html`user ${link("user", leader.user)} with device ${link("device", leader.device)}, ` : ""}term ${view.term}`],
        ["Lease", view.state === "open" ? html`${view.led ? "leads until" : "over since"} ${time(view.lease_end_ms)}` : null],
        ["Key", view.epoch ? `number ${view.epoch}${view.rekey_due ? ", and a new one is owed" : ""}` : "none yet"],
        ["Door", door(view)],
        ["A lost leader is replaced by", view.succession.join(", ") || "nobody"],
        ["Key exchange", view.suite],
        ["Last sign of life", time(view.last_activity_ms)],
      ])}
    </section>
    <section class="card" aria-labelledby="in">
      <h2 id="in">Who shares the key <span class="hint">${members.length}</span></h2>
      ${people(members, view.leader, "Nobody: the meeting has no key yet.")}
    </section>
    ${when(others.length > 0, html`<section class="card" aria-labelledby="out">
      <h2 id="out">Others who asked <span class="hint">${number(view.asked - members.length)}</span></h2>
      ${people(others, view.leader, "")}
      ${when(view.asked > view.members.length, html`<p class="hint">The newest
        ${view.members.length} of all ${number(view.asked)} are shown.</p>`)}
    </section>`)}
    ${history(view.txs, view.reach)}`;
}

/**
 * @param {MemberLine[]} members
 * @param {number} leader
 * @param {string} none
 */
function people(members, leader, none) {
  if (!members.length) return html`<p class="hint">${none}</p>`;
  return html`<ul class="lines">${members.map((one) => html`<li>
    <p>Member ${one.idx}: user ${link("user", one.user)} with device ${link("device", one.device)}
      ${one.idx === leader ? html`<span class="tag">leader</span>` : ""}
      ${one.in_roster ? "" : html`<span class="tag">${STATUS[one.status]}${one.reason ? `: ${one.reason}` : ""}</span>`}</p>
    <p class="hint">asked ${time(one.requested_ms)}${one.admitted === null ? ""
      : html` · admitted in block ${link("block", String(one.admitted))}`}</p>
  </li>`)}</ul>`;
}

/** @param {MeetingView} view */
function door({ auto_admit, locked, sealed }) {
  const who = locked ? "locked" : auto_admit ? "whoever shows an invite is let in" : "the leader decides about each";
  return sealed ? `${who}; sealed: guests ask under a persona` : who;
}

const STATUS = {
  admitted: "admitted", left: "left", removed: "removed", requested: "waits", lapsed: "waited too long",
};

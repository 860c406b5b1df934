/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { chat } from "./chat.js";
import { codes } from "./codes.js";
import { age } from "./form.js";
import { warnings } from "./history.js";
import { icon } from "./icon.js";
import { identityPanel } from "./identity.js";
import { invite } from "./invite.js";
import { lobby } from "./lobby.js";
import { notices, refusal } from "./notices.js";
import { people } from "./people.js";
import { switches } from "./preview.js";
import { tiles } from "./tiles.js";
import { isUrgent, waits } from "./waits.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function meeting(screen, actions) {
  const now = screen.daemon?.meeting;
  if (!now) return html``;
  return html`<div class="room ${screen.panel ? "open" : ""}">
    <header class="bar">
      <h1 tabindex="-1" data-focus>${now.title || "Meeting"}</h1>
      ${security(screen, now)}
    </header>
    <main class="stage">
      ${lobby(screen, now, actions)}
      ${tiles(screen, now, actions)}
    </main>
    ${screen.panel === "people" ? people(screen, now, actions)
      : screen.panel === "chat" ? chat(screen, now, actions)
      : screen.panel === "codes" ? codes(now, actions)
      : screen.panel === "identity" ? identityPanel(screen, actions)
      : screen.panel === "invite" ? invite(screen, now, actions) : nothing}
    ${tools(screen, now, actions)}
    <div class="messages">
      ${refusal(screen.refusal)}
      ${screen.panel === "identity" ? nothing : warnings(screen, actions, html`
        <button type="button" class="main" @click=${() =>
          actions.tell({ kind: "panel", panel: "identity" })}>Look at your devices</button>`)}
      ${screen.panel === "identity" ? nothing : waits(screen, actions, isUrgent)}
      ${screen.media.problem ? html`<p class="refusal" role="alert">${screen.media.problem}</p>` : nothing}
      ${notices(screen, actions)}
    </div>
  </div>`;
}

/**
 * What the encryption rests on at this moment.
 *
 * @param {Screen} screen
 * @param {Meeting} now
 */
function security(screen, now) {
  const network = screen.daemon?.network;
  if (!network) return nothing;
  const leader = now.members.find(({ idx }) => idx === now.leader);
  const good = network.validators.filter(({ ok }) => ok).length;
  return html`<dl class="strip" aria-label="Security of this meeting">
    <div title="End-to-end encrypted; a new key at every join and leave">
      <dt>${icon("shield")}Key</dt><dd>epoch ${now.epoch}</dd></div>
    <div class="extra"><dt>Leader</dt><dd>${leader ? (leader.me ? "you" : leader.name) : "unknown"}</dd></div>
    <div class="extra"><dt>Validators</dt><dd>${good} of ${network.validators.length} ok</dd></div>
    <div><dt><span class="dot ${network.freshness}" aria-hidden="true"></span>Ledger</dt>
      <dd>${FRESHNESS[network.freshness]}${network.freshness === "fresh" ? "" : `, ${age(network.age_ms)} old`}</dd></div>
  </dl>`;
}

/**
 * @param {Screen} screen
 * @param {Meeting} now
 * @param {Actions} actions
 */
function tools(screen, now, actions) {
  const { screen: sharing } = screen.media;
  const unread = now.chat.length - screen.read;
  return html`<nav class="tools" aria-label="Controls of the meeting">
    <div class="group">
      ${switches(screen, actions)}
      <button type="button" class="tool ${sharing ? "on" : ""}" @click=${() => actions.share(!sharing)}>
        ${icon("screen")}<span>${sharing ? "Stop sharing" : "Share screen"}</span></button>
    </div>
    <div class="group">
      ${toggle(screen, actions, "chat", "Chat", unread)}
      ${toggle(screen, actions, "people", "People", now.members.length)}
      ${toggle(screen, actions, "codes", "Codes", now.codes?.evidence.length ?? 0)}
      ${now.invite ? toggle(screen, actions, "invite", "Invite", 0) : nothing}
    </div>
    <div class="group">
      <button type="button" class="tool danger" ?disabled=${screen.busy.includes("leave")}
        @click=${actions.leave}>${icon("leave")}<span>Leave</span></button>
      ${now.role === "leader" ? html`<button type="button" class="tool danger"
        @click=${() => actions.tell({ kind: "ask", question: { act: "end" } })}>
        ${icon("close")}<span>End for all</span></button>` : nothing}
    </div>
  </nav>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 * @param {"chat" | "codes" | "invite" | "people"} panel
 * @param {string} name
 * @param {number} count
 */
function toggle(screen, actions, panel, name, count) {
  const open = screen.panel === panel;
  return html`<button type="button" class="tool ${open ? "on" : ""}" aria-expanded=${open}
    @click=${() => actions.tell({ kind: "panel", panel: open ? null : panel })}>
    ${icon(panel === "codes" ? "shield" : panel)}<span>${name}</span>
    ${count > 0 && !open ? html`<span class="count" aria-hidden="true">${count}</span>` : nothing}
  </button>`;
}

const FRESHNESS = { amber: "late", fresh: "fresh", stale: "too old to admit" };

/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { trust } from "../trust.js";
import { t } from "../words.js";
import { captions } from "./captions.js";
import { chat } from "./chat.js";
import { files } from "./files.js";
import { gear } from "./gear.js";
import { warnings } from "./history.js";
import { icon } from "./icon.js";
import { identityPanel } from "./identity.js";
import { invite } from "./invite.js";
import { lobby } from "./lobby.js";
import { more } from "./more.js";
import { heard, notices, refusal } from "./notices.js";
import { overdue, people } from "./people.js";
import { TRUST, security } from "./security.js";
import { tiles } from "./tiles.js";
import { tools } from "./tools.js";
import { isUrgent, waits } from "./waits.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function meeting(screen, actions) {
  const now = screen.daemon?.meeting;
  if (!now) return html``;
  return html`<div class="room ${screen.panel ? "open" : ""}" @dragover=${stop} @drop=${drop(actions)}>
    <header class="bar">
      <h1 tabindex="-1" data-focus>${now.title || t("meeting.untitled")}</h1>
      ${strip(screen, now, actions)}
    </header>
    <main class="stage">
      ${lobby(screen, now, actions)}
      ${tiles(screen, now, actions)}
      ${captions(screen, now, actions)}
      ${reactions(now)}
      ${heard(screen)}
    </main>
    ${panel(screen, now, actions)}
    ${tools(screen, now, actions)}
    <div class="messages">
      ${refusal(screen.refusal)}
      ${asked(now, actions)}
      ${screen.panel === "identity" ? nothing : warnings(screen, actions, html`
        <button type="button" class="main" @click=${() =>
          actions.tell({ kind: "panel", panel: "identity" })}>${t("home.look")}</button>`)}
      ${screen.panel === "identity" ? nothing : waits(screen, actions, isUrgent)}
      ${overdue(screen.daemon?.network)}
      ${screen.media.problem ? html`<p class="refusal" role="alert">${screen.media.problem}</p>` : nothing}
      ${notices(screen, actions)}
    </div>
  </div>`;
}

/**
 * @param {Screen} screen
 * @param {Meeting} now
 * @param {Actions} actions
 */
function panel(screen, now, actions) {
  switch (screen.panel) {
    case "chat":
      return chat(screen, now, actions);
    case "files":
      return files(screen, now, actions);
    case "gear":
      return gear(screen, actions);
    case "identity":
      return identityPanel(screen, actions);
    case "invite":
      return invite(screen, now, actions);
    case "more":
      return more(screen, now, actions);
    case "people":
      return people(screen, now, actions);
    case "security":
      return security(screen, now, actions);
    case null:
      return nothing;
  }
}

/**
 * What the encryption rests on at this moment, and the shield that leads to all of it.
 *
 * @param {Screen} screen
 * @param {Meeting} now
 * @param {Actions} actions
 */
function strip(screen, now, actions) {
  const network = screen.daemon?.network;
  const { state } = trust(screen, now);
  const open = screen.panel === "security";
  const leader = now.members.find(({ idx }) => idx === now.leader);
  return html`<div class="strip">
    <dl aria-label=${t("strip.title")}>
      <div class="extra"><dt>${t("strip.leader")}</dt>
        <dd>${leader ? (leader.me ? t("tag.you") : leader.name) : t("strip.unknown")}</dd></div>
      ${network ? html`<div class="extra"><dt><span class="dot ${network.freshness}" aria-hidden="true"></span>${t("page.ledger")}</dt>
        <dd>${t(FRESHNESS[network.freshness])}</dd></div>` : nothing}
    </dl>
    <button type="button" class="shield ${state}" aria-expanded=${open}
      @click=${() => actions.tell({ kind: "panel", panel: open ? null : "security" })}>
      ${icon(state === "good" ? "shield" : state === "new" ? "shieldNew" : "alarm")}<span>${t(TRUST[state])}</span></button>
  </div>`;
}

/** What others said without words, for as long as it lasts.
 * @param {Meeting} now
 */
function reactions({ reactions = [] }) {
  return html`<div class="reactions" role="log" aria-label=${t("react.title")}>${reactions.slice(-5).map(({ emoji, name }) =>
    html`<p><span>${emoji}</span> <span class="name">${name}</span></p>`)}</div>`;
}

/**
 * Whoever asks somebody to speak only asks: nothing is switched on from afar.
 *
 * @param {Meeting} now
 * @param {Actions} actions
 */
function asked({ asked = [] }, actions) {
  return asked.filter(({ what }) => what === "unmute").map((one) => html`
    <div class="refusal calm asked" role="alert">
      <p><strong>${t("asked.unmute", { name: one.name })}</strong></p>
      <div class="row">
        <button type="button" class="main" @click=${() => actions.answer(one, true)}>${t("asked.yes")}</button>
        <button type="button" @click=${() => actions.answer(one, false)}>${t("asked.no")}</button>
      </div>
    </div>`);
}

/** @param {Event} event */
function stop(event) {
  event.preventDefault();
}

/** A file that is dropped anywhere in the room is given to the meeting.
 * @param {Actions} actions
 */
function drop(actions) {
  return (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const files = [...event.dataTransfer?.files ?? []];
    if (files.length === 0) return;
    actions.tell({ kind: "panel", panel: "files" });
    actions.sendFiles(files);
  };
}

/** @type {Record<import("../types.js").Network["freshness"], import("../words.js").Key>} */
const FRESHNESS = { amber: "ledger.amber", fresh: "ledger.fresh", stale: "ledger.stale" };

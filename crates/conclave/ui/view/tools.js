/** @import { Actions, Meeting, Panel, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { isUp } from "../keys.js";
import { t } from "../words.js";
import { icon } from "./icon.js";
import { switches } from "./preview.js";

/**
 * The row of controls under the tiles.
 *
 * @param {Screen} screen
 * @param {Meeting} now
 * @param {Actions} actions
 */
export function tools(screen, now, actions) {
  const { screen: sharing } = screen.media;
  const unread = now.chat.length - screen.read;
  const up = isUp(screen);
  return html`<nav class="tools" aria-label=${t("tools.title")}>
    <div class="group">
      ${switches(screen, actions)}
      <button type="button" class="tool ${sharing ? "on" : ""}" @click=${() => actions.share(!sharing)}>
        ${icon("screen")}<span>${t(sharing ? "tools.unshare" : "tools.share")}</span></button>
    </div>
    <div class="group">
      <button type="button" class="tool ${up ? "on" : ""}" aria-pressed=${up} @click=${() => actions.hand(!up)}>
        ${icon("hand")}<span>${t("tools.hand")}</span></button>
      <button type="button" class="tool" popovertarget="reactions">${icon("smile")}<span>${t("tools.react")}</span></button>
      <div id="reactions" class="emojis" popover role="group" aria-label=${t("react.title")}>
        ${EMOJIS.map((emoji) => html`<button type="button" class="plain" popovertarget="reactions"
          popovertargetaction="hide" @click=${() => actions.react(emoji)}>${emoji}</button>`)}</div>
      ${toggle(screen, actions, "more", t("tools.more"), 0)}
    </div>
    <div class="group">
      ${toggle(screen, actions, "chat", t("chat.title"), unread)}
      ${toggle(screen, actions, "people", t("people.title"), now.members.length)}
      ${now.invite ? toggle(screen, actions, "invite", t("invite.title"), 0) : nothing}
    </div>
    <div class="group">
      <button type="button" class="tool danger" ?disabled=${screen.busy.includes("leave")}
        @click=${actions.leave}>${icon("leave")}<span>${t("meeting.leave")}</span></button>
      ${now.role === "leader" ? html`<button type="button" class="tool danger"
        @click=${() => actions.tell({ kind: "ask", question: { act: "end" } })}>
        ${icon("close")}<span>${t("tools.end")}</span></button>` : nothing}
    </div>
  </nav>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 * @param {"chat" | "invite" | "more" | "people"} panel
 * @param {string} name
 * @param {number} count
 */
function toggle(screen, actions, panel, name, count) {
  const open = screen.panel === panel;
  return html`<button type="button" class="tool ${open ? "on" : ""}" aria-expanded=${open}
    @click=${() => actions.tell({ kind: "panel", panel: open ? null : /** @type {Panel} */ (panel) })}>
    ${icon(panel)}<span>${name}</span>
    ${count > 0 && !open ? html`<span class="count" aria-hidden="true">${count}</span>` : nothing}
  </button>`;
}

/** What the daemon passes on. */
const EMOJIS = ["👍", "👎", "👏", "😂", "😮", "❤️", "🎉", "✅"];

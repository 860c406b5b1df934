/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { typed } from "../text.js";
import { clock, fields } from "./form.js";
import { panel } from "./panel.js";

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function chat(screen, meeting, actions) {
  const send = fields(async (field, form) => {
    const text = typed(field("text"));
    if (text && await actions.chat(text)) form.reset();
  });
  return panel("Chat", actions, html`
    <div class="lines" role="log" aria-label="Messages" tabindex="0">
      ${meeting.chat.length === 0 ? html`<p class="hint">Messages are encrypted with the key of the
        meeting. They are kept nowhere.</p>` : ""}
      <ol>${repeat(meeting.chat, ({ id }) => id, ({ at_ms, me, name, text }) => html`
        <li class=${me ? "mine" : ""}>
          <p class="hint"><strong>${me ? "You" : name}</strong> <time>${clock(at_ms)}</time></p>
          <p class="text">${text}</p>
        </li>`)}
      </ol>
    </div>
    <form class="compose" @submit=${send}>
      <label class="unseen" for="message">Message</label>
      <input id="message" name="text" maxlength="1000" autocomplete="off" placeholder="Write to everyone">
      <button class="main" ?disabled=${screen.busy.includes("chat")}>Send</button>
    </form>`);
}

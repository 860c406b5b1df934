/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { links } from "../links.js";
import { typed } from "../text.js";
import { t } from "../words.js";
import { clock, fields } from "./form.js";
import { icon } from "./icon.js";
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
  return panel(t("chat.title"), actions, html`
    <div class="lines" role="log" aria-label=${t("chat.lines")} tabindex="0">
      ${meeting.chat.length === 0 ? html`<p class="hint">${t("chat.none")}</p>` : ""}
      <ol>${repeat(meeting.chat, ({ id }) => id, ({ at_ms, me, name, text }) => html`
        <li class=${me ? "mine" : ""}>
          <p class="hint"><strong>${me ? t("chat.you") : name}</strong> <time>${clock(at_ms)}</time></p>
          <p class="text">${linked(text)}</p>
        </li>`)}
      </ol>
    </div>
    <button type="button" class="wide" @click=${() => actions.tell({ kind: "panel", panel: "files" })}>
      ${icon("clip")}<span>${t("files.title")}</span></button>
    <form class="compose" @submit=${send}>
      <label class="unseen" for="message">${t("chat.message")}</label>
      <input id="message" name="text" maxlength="1000" autocomplete="off" placeholder=${t("chat.write")}>
      <button class="main" ?disabled=${screen.busy.includes("chat")}>${t("chat.send")}</button>
    </form>`);
}

/** A text whose addresses are links that say where they lead.
 * @param {string} text
 */
function linked(text) {
  return links(text).map(({ host, text, url }) => url
    ? html`<a href=${url} target="_blank" rel="noopener noreferrer" referrerpolicy="no-referrer">${text}</a><span
      class="host"> (${host})</span>` : text);
}

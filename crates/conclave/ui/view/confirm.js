/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";

/**
 * Asks before something that cannot be taken back.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function confirm(screen, meeting, actions) {
  const question = screen.question;
  if (!question) return nothing;
  const close = () => actions.tell({ kind: "ask", question: null });
  /** @param {() => void} act */
  const then = (act) => () => { close(); act(); };
  if (question.act === "end") {
    return dialog("End the meeting for everyone?",
      "Everyone is disconnected, and the end is written to the ledger.",
      "End the meeting", then(actions.end), close);
  }
  const { idx, ban } = question;
  // Isolated, so that a name cannot turn the question around.
  const name = `\u2068${meeting.members.find((member) => member.idx === idx)?.name ?? ""}\u2069`;
  return dialog(`${ban ? "Kick and ban" : "Kick"} ${name}?`,
    ban ? "They are out at once, the key changes, and this meeting refuses them from now on."
      : "They are out at once and the key changes. They may ask to come in again.",
    ban ? "Kick and ban" : "Kick", then(() => actions.kick(idx, ban)), close);
}

/**
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @param {() => void} act
 * @param {() => void} close
 */
function dialog(title, text, yes, act, close) {
  return html`<dialog aria-labelledby="question" @cancel=${(/** @type {Event} */ event) => {
    event.preventDefault();
    close();
  }}>
    <h2 id="question">${title}</h2>
    <p>${text}</p>
    <div class="row">
      <button type="button" @click=${close}>Cancel</button>
      <button type="button" class="danger full" @click=${act}>${yes}</button>
    </div>
  </dialog>`;
}

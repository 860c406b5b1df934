/** @import { Actions, Refusal, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { sentence } from "./form.js";
import { icon } from "./icon.js";

/**
 * What the person should know, newest last.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function notices(screen, actions) {
  const known = screen.daemon?.meeting?.notices ?? [];
  const toasts = screen.toasts.filter((toast) => !known.some(({ id }) => id === toast.id));
  const all = [...known, ...toasts].slice(-MOST);
  return html`<div class="notices" role="status">
    ${screen.connection === "lost" && screen.daemon ? html`
      <div class="notice error"><p><strong>Conclave does not answer on this computer.</strong>
        Check that it is still running. This page reconnects on its own.</p></div>` : nothing}
    ${all.map(({ id, level, text, next }) => html`
      <div class="notice ${level}">
        <p><span class="unseen">${LEVELS[level]}: </span><strong>${text}</strong> ${next}</p>
        <button type="button" class="plain" aria-label="Dismiss: ${text}"
          @click=${() => actions.dismiss(id)}>${icon("close")}</button>
      </div>`)}
  </div>`;
}

/** @param {Refusal | null} refused */
export function refusal(refused) {
  return refused ? html`<div class="refusal" role="alert">
    <strong>${sentence(refused.error)}</strong> ${sentence(refused.next)}
  </div>` : nothing;
}

const LEVELS = { error: "Error", info: "Note", warn: "Warning" };
const MOST = 4;

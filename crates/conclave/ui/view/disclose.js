/** @import { Actions, Disclosed, Identity, Screen, State } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { day, fields, sentence } from "./form.js";
import { handed, linkField } from "./handed.js";
import { icon } from "./icon.js";

/**
 * Showing the own name to a chosen person over another channel.
 *
 * @param {Screen} screen
 * @param {Identity} me
 * @param {Actions} actions
 */
export function disclose(screen, me, actions) {
  const busy = screen.busy.includes("info/disclose");
  return html`
    <h2>Show your name to somebody</h2>
    ${me.info.form === "clear" ? html`<p>The ledger shows it to everyone. There is nothing to open.</p>`
      : html`<p>The ledger hides your name. This link opens it for whoever has it: send it to that
        person alone, not through Conclave.</p>`}
    ${screen.handed ? handed(screen, actions, screen.handed, "Link that shows your name")
      : me.info.form === "clear" ? nothing
      : html`<button type="button" ?disabled=${busy} @click=${actions.disclose}>Make the link</button>`}`;
}

/**
 * Checking the name that somebody showed.
 *
 * @param {Screen} screen
 * @param {State} daemon
 * @param {Actions} actions
 */
export function check(screen, daemon, actions) {
  const busy = screen.busy.includes("info/check");
  return html`
    <h2>Check a name</h2>
    <p>Did somebody send you a link that shows their name? The ledger says whether it is true.</p>
    <form @submit=${fields((field) => actions.checkDisclosure(field("link")))}>
      ${linkField("Link from somebody", "conclave:i/1", busy)}
      <button ?disabled=${busy}>${busy ? "Asking the ledger …" : "Check"}</button>
    </form>
    <div class="verdict" role="status">${screen.disclosed ? verdict(screen.disclosed, daemon) : nothing}</div>`;
}

/**
 * @param {Disclosed} disclosed
 * @param {State} daemon
 */
function verdict({ ok, shown, text, user, proof_height }, daemon) {
  const known = daemon.contacts.find((contact) => contact.user === user);
  const who = user === daemon.identity?.user ? "This is you."
    : known ? `You met this user on ${day(known.since_ms)}.` : "You have not met this user.";
  return html`
    <p>${ok ? "It is" : "It claims to be"} <strong>${shown}</strong>. ${who}</p>
    <ul class="facts"><li class=${ok ? "good" : "bad"}>${icon(ok ? "check" : "cross")}
      <span><span class="unseen">${ok ? "Checked: " : "Failed: "}</span>${sentence(text)}</span></li></ul>
    <p class="hint">User <code>${user}</code>, proven at block ${proof_height}.</p>`;
}

/** @import { Actions, Disclosed, Identity, Screen, State } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { day, fields, sentence } from "./form.js";
import { handed, linkField } from "./handed.js";
import { icon } from "./icon.js";
import { rich, t } from "../words.js";

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
    <h2>${t("disclose.title")}</h2>
    ${me.info.form === "clear" ? html`<p>${t("disclose.clear")}</p>`
      : html`<p>${t("disclose.text")}</p>`}
    ${screen.handed ? handed(screen, actions, screen.handed, t("disclose.link"))
      : me.info.form === "clear" ? nothing
      : html`<button type="button" ?disabled=${busy} @click=${actions.disclose}>${t("disclose.make")}</button>`}`;
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
    <h2>${t("check.title")}</h2>
    <p>${t("check.text")}</p>
    <form @submit=${fields((field) => actions.checkDisclosure(field("link")))}>
      ${linkField(t("check.link"), "conclave:i/1", busy)}
      <button ?disabled=${busy}>${busy ? t("busy.asking") : t("check.yes")}</button>
    </form>
    <div class="verdict" role="status">${screen.disclosed ? verdict(screen.disclosed, daemon) : nothing}</div>`;
}

/**
 * @param {Disclosed} disclosed
 * @param {State} daemon
 */
function verdict({ ok, shown, text, user, proof_height }, daemon) {
  const known = daemon.contacts.find((contact) => contact.user === user);
  const who = user === daemon.identity?.user ? t("check.you")
    : known ? t("check.met", { day: day(known.since_ms) }) : t("check.notmet");
  return html`
    <p>${rich(ok ? "check.is" : "check.claims", { name: html`<strong>${shown}</strong>` })} ${who}</p>
    <ul class="facts"><li class=${ok ? "good" : "bad"}>${icon(ok ? "check" : "cross")}
      <span><span class="unseen">${t(ok ? "facts.good" : "facts.bad")} </span>${sentence(text)}</span></li></ul>
    <p class="hint">${rich("check.proven", { user: html`<code>${user}</code>`, height: proof_height })}</p>`;
}

/** @import { Actions, Contact, Fact, State } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { day, initials, sentence } from "./form.js";
import { icon } from "./icon.js";
import { t } from "../words.js";

/**
 * The people met so far, the last one first.
 *
 * @param {State} daemon
 * @param {Actions} actions
 */
export function contacts(daemon, actions) {
  return html`
    <h2>${t("contacts.title")}</h2>
    <p>${t("contacts.text")}</p>
    ${daemon.contacts.length ? html`<ul class="people">
      ${repeat(daemon.contacts, ({ user }) => user, (one) => contact(one, daemon, actions))}
    </ul>` : html`<p class="hint">${t("contacts.none")}</p>`}`;
}

/**
 * @param {Contact} one
 * @param {State} daemon
 * @param {Actions} actions
 */
function contact(one, daemon, actions) {
  const { user, name, since_ms, last_ms } = one;
  const [first, last] = [day(since_ms), day(last_ms)];
  return html`<li aria-label=${name}>
    <span class="face" aria-hidden="true">${initials(name)}</span>
    <div>
      <p><strong>${name}</strong></p>
      <p class="hint">${first === last ? t("contacts.met", { day: first }) : t("contacts.met.twice", { first, last })}</p>
    </div>
    <button type="button" aria-label=${t("contact.forget.who", { name })} @click=${() =>
      actions.tell({ kind: "ask", question: { act: "forget", user } })}>${t("contact.forget")}</button>
    ${met(daemon.meeting?.members.find((member) => member.user === user)?.met)}
  </li>`;
}

/**
 * Whether somebody was met before, and whether what changed since is explained.
 *
 * @param {Fact} [fact]
 */
export function met(fact) {
  if (!fact) return nothing;
  return html`<p class="met ${fact.ok ? "" : "bad"}">${icon(fact.ok ? "people" : "alarm")}
    <span>${fact.ok ? nothing : html`<strong>${t("contact.unexplained")}</strong> `}${sentence(fact.text)}
      ${fact.ok ? nothing : t("contact.unexplained.next")}</span></p>`;
}

/**
 * The handle that somebody claimed on the ledger: one of a kind, unlike a name.
 *
 * @param {{ handle?: string }} person
 */
export const handle = (person) => person.handle ? html`<span class="hint">@${person.handle}</span>` : nothing;

/**
 * That somebody cannot be told from somebody else by the name.
 *
 * @param {"odd" | "twin"} [odd]
 */
export function alike(odd) {
  if (!odd) return nothing;
  return html`<p class="met bad">${icon("alarm")}<span>${t(odd === "twin" ? "alike.twin" : "alike.odd")}</span></p>`;
}

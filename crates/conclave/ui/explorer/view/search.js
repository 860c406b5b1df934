/** @import { Actions, Found, Screen, Target } from "../types.js" */
import { html, nothing } from "../../node_modules/lit-html/lit-html.js";
import { to } from "../route.js";
import { cut, number, short } from "../text.js";
import { reaches } from "./parts.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function searchForm({ route }, actions) {
  const send = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const query = String(new FormData(form).get("q") ?? "").trim();
    if (query) actions.search(query);
  };
  return html`<form role="search" class="search" @submit=${send}>
    <input type="search" name="q" maxlength="128" autocomplete="off" autocapitalize="none" spellcheck="false"
      aria-label="Height, id, handle or key" placeholder="Height, id, handle or key"
      .value=${route.name === "search" ? route.query : ""}>
    <button>Search</button>
  </form>`;
}

/** What it could be.
 * @param {string} query
 * @param {Found} found
 */
export function found(query, { hits, recent_only, reach }) {
  return html`<section class="card">
    <h1 tabindex="-1">Search</h1>
    <p>${hits.length === 1 ? "One thing" : hits.length ? `${number(hits.length)} things` : "Nothing"} found for
      <q><bdi>${cut(query, 128)}</bdi></q></p>
    ${hits.length ? html`<ul class="lines">${hits.map(hit)}</ul>` : html`<p class="hint">One can look for the
      height of a block, for a user, a device, a meeting, a transaction or a validator by its id or by eight
      or more of its first digits, and for a user by its handle.</p>`}
    ${recent_only ? reaches(reach) : nothing}
  </section>`;
}

/** @param {Target} target */
const hit = (target) => html`<li><p><a href=${to(target)}>${NAMES[target.kind]}
  ${target.kind === "block" ? number(Number(target.id)) : short(target.id)}</a></p></li>`;

const NAMES = {
  block: "Block", device: "Device", meeting: "Meeting", tx: "Transaction", user: "User",
  validator: "Validator",
};

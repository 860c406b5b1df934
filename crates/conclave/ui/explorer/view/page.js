/** @import { Actions, Screen } from "../types.js" */
import { html, nothing } from "../../node_modules/lit-html/lit-html.js";
import { key, source } from "../route.js";
import { cut, short } from "../text.js";
import { anchors } from "./anchors.js";
import { block } from "./block.js";
import { meeting } from "./meeting.js";
import { overview } from "./overview.js";
import { whole } from "./parts.js";
import { device, user } from "./people.js";
import { found, searchForm } from "./search.js";
import { tx } from "./tx.js";
import { validator, validators } from "./validators.js";

/**
 * The whole page.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function page(screen, actions) {
  const { overview: network, route, said } = screen;
  const at = (/** @type {string} */ name) => route.name === name ? "page" : nothing;
  return html`
    <header class="top">
      <p class="brand"><span class="mark" aria-hidden="true"></span>Conclave ledger
        ${network ? html`<span class="hint"><bdi>${cut(network.name, 40)}</bdi></span>` : nothing}</p>
      <nav aria-label="Explorer">
        <a href="#/" aria-current=${at("overview")}>Overview</a>
        <a href="#/validators" aria-current=${at("validators")}>Validators</a>
        <a href="#/anchors" aria-current=${at("anchors")}>Anchors</a>
      </nav>
      ${searchForm(screen, actions)}
    </header>
    <main class="sheet wide">${body(screen, actions)}</main>
    <footer class="foot">
      ${network ? html`<p>Network ${short(network.chain_id)}, as validator ${short(network.validator)} shows
        it. To check it against the certificates of all validators: <code>conclave ledger show</code></p>` : nothing}
    </footer>
    <p class="unseen" role="status">${said}</p>`;
}

/** @param {Screen} screen */
export function title({ route }) {
  switch (route.name) {
    case "overview":
    case "nowhere":
      return "Conclave ledger";
    case "anchors":
      return "Anchors – Conclave ledger";
    case "validators":
      return "Validators – Conclave ledger";
    case "search":
      return "Search – Conclave ledger";
    case "block":
      return `Block ${route.id} – Conclave ledger`;
    default:
      return `${NAMES[route.name]} ${short(route.id)} – Conclave ledger`;
  }
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
function body(screen, actions) {
  const { route, failure, loaded } = screen;
  if (route.name === "overview") return overview(screen, actions);
  if (route.name === "nowhere") {
    return card("Not here", html`<p>This address leads nowhere. <a href="#/">To the overview</a></p>`);
  }
  const asked = "id" in route ? html`<p class="hint">${whole(route.id)}</p>` : nothing;
  if (failure) {
    return card(heading(route), html`${asked}<p class="refusal" role="alert">${failure}</p>
      <p><a href="#/">To the overview</a></p>`);
  }
  if (!loaded || loaded.key !== key(route) || !source(route)) {
    return card(heading(route), html`${asked}<p class="hint">The validator is being asked …</p>`);
  }
  const { data } = loaded;
  switch (route.name) {
    case "anchors":
      return anchors(data);
    case "block":
      return block(data);
    case "device":
      return device(data);
    case "meeting":
      return meeting(data);
    case "search":
      return found(route.query, data);
    case "tx":
      return tx(data);
    case "user":
      return user(data);
    case "validator":
      return validator(data);
    case "validators":
      return validators(data);
  }
}

/** @param {import("../types.js").Route} route */
function heading(route) {
  switch (route.name) {
    case "block":
      return `Block ${route.id}`;
    case "search":
      return "Search";
    case "anchors":
      return "Anchors";
    case "validators":
      return "Validators";
    case "overview":
    case "nowhere":
      return "Ledger";
    default:
      return `${NAMES[route.name]} ${short(route.id)}`;
  }
}

/**
 * @param {string} name
 * @param {unknown} inside
 */
const card = (name, inside) => html`<section class="card"><h1 tabindex="-1">${name}</h1>${inside}</section>`;

const NAMES = {
  device: "Device", meeting: "Meeting", tx: "Transaction", user: "User", validator: "Validator",
};

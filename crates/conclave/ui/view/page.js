/** @import { Actions, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { place } from "../state.js";
import { confirm } from "./confirm.js";
import { accept, answer, offer } from "./devices.js";
import { doctor } from "./doctor.js";
import { home, joinForm } from "./home.js";
import { icon } from "./icon.js";
import { corner, identity } from "./identity.js";
import { meeting } from "./meeting.js";
import { notices, refusal } from "./notices.js";
import { over } from "./over.js";
import { preview } from "./preview.js";
import { recover, recovering } from "./recover.js";
import { dialogs } from "./settings.js";
import { proof, sheet } from "./sheet.js";
import { waiting } from "./waiting.js";
import { welcome } from "./welcome.js";
import { t } from "../words.js";

/**
 * The whole page.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function page(screen, actions) {
  const where = place(screen);
  return html`
    ${where === "meeting" ? meeting(screen, actions) : html`
      <header class="top">
        <span class="brand"><span class="mark" aria-hidden="true"></span>Conclave</span>
        ${network(screen)}
        ${corner(screen, actions)}
        <button type="button" class="plain setting" aria-label=${t("settings.title")}
          @click=${() => actions.tell({ kind: "dialog", dialog: "settings" })}>${icon("gear")}</button>
      </header>
      <main class="sheet">${inside(where, screen, actions)}</main>`}
    ${where === "meeting" ? nothing : notices(screen, actions)}
    ${confirm(screen, actions)}
    ${dialogs(screen, actions)}
    <p class="unseen" role="status">${screen.said}</p>`;
}

/**
 * @param {ReturnType<typeof place>} where
 * @param {Screen} screen
 * @param {Actions} actions
 */
function inside(where, screen, actions) {
  switch (where) {
    case "locked":
      return html`<section class="card">
        <h1 tabindex="-1" data-focus>${t("page.locked")}</h1>
        <p>${t("page.locked.text")}</p>
      </section>`;
    case "loading":
      return html`<section class="card" aria-busy="true">
        <h1>${t("page.opening")}</h1>
        <p>${t("page.opening.text")}</p>
        ${screen.connection === "lost"
          ? refusal({ error: t("page.silent"), next: t("page.silent.next") })
          : nothing}
      </section>`;
    case "welcome":
      return welcome(screen, actions);
    case "identity":
      return identity(screen, actions);
    case "offer":
      return offer(screen, actions);
    case "accept":
      return accept(screen, actions);
    case "answer":
      return answer(screen, actions);
    case "sheet":
      return sheet(screen, actions);
    case "proof":
      return proof(screen, actions);
    case "recover":
      return recover(screen, actions);
    case "recovering":
      return recovering(screen, actions);
    case "join":
      return joinForm(screen, actions);
    case "preview":
      return preview(screen, actions);
    case "waiting":
      return waiting(screen, actions);
    case "doctor":
      return doctor(screen, actions);
    case "over":
      return over(screen, actions);
    default:
      return home(screen, actions);
  }
}

/** @param {Screen} screen */
function network(screen) {
  const network = screen.daemon?.network;
  if (!network) return nothing;
  const good = network.validators.filter(({ ok }) => ok).length;
  const text = screen.connection === "lost" ? t("page.lost")
    : network.dev ? t("page.dev")
    : `${network.name || t("page.ledger")} · ${t("page.validators", { good, all: network.validators.length })}`;
  const state = screen.connection === "lost" ? "stale" : network.freshness;
  return html`<span class="net"><span class="dot ${state}" aria-hidden="true"></span><span>${text}</span></span>`;
}

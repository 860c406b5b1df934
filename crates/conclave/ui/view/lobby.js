/** @import { Actions, Lobbyist, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { alike, handle, met } from "./contacts.js";
import { clock } from "./form.js";
import { facts } from "./preview.js";
import { suspects } from "../lookalike.js";
import { many, t } from "../words.js";

/**
 * Everyone who asks to come in, with what was checked about them.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function lobby(screen, meeting, actions) {
  if (meeting.lobby.length === 0) return nothing;
  const known = meeting.lobby.filter((one) => one.ready && isKnown(one)).length;
  const odd = suspects(meeting.lobby, [...meeting.members, ...screen.daemon?.contacts ?? []]);
  const ready = meeting.lobby.filter((one) => one.ready).length;
  return html`<section class="lobby" aria-label=${t("lobby.title")}>
    <header>
      <h2>${many(meeting.lobby.length, "lobby.one", "lobby.many")}</h2>
      ${meeting.lobby.length > 1 ? html`<div class="row"><button type="button" class="main"
        ?disabled=${ready === 0 || screen.busy.includes("admit all")}
        @click=${actions.admitAll}>${t("lobby.admitall")}</button>
        <button type="button" ?disabled=${known === 0 || screen.busy.includes("admit all")}
        @click=${actions.admitKnown}>${t("lobby.admitknown")}</button></div>` : nothing}
    </header>
    <ul>${repeat(meeting.lobby, ({ idx }) => idx, (one) => asks(screen, one, odd.get(one.idx), actions))}</ul>
  </section>`;
}

/**
 * @param {Screen} screen
 * @param {Lobbyist} one
 * @param {"odd" | "twin" | undefined} odd
 * @param {Actions} actions
 */
function asks(screen, one, odd, actions) {
  const busy = [`admit ${one.idx}`, `deny ${one.idx}`, "admit all"]
    .some((name) => screen.busy.includes(name));
  const checks = one.facts.filter(({ name }) => name !== "met");
  const failed = checks.filter(({ ok }) => !ok);
  return html`<li class="asks" aria-label=${one.name}>
    <p class="head"><span><strong>${one.name}</strong> ${handle(one)}</span>
      <span class="hint"><code>${one.fingerprint}</code> · ${t("lobby.asked", { time: clock(one.asked_at_ms) })}</span></p>
    ${met(one.facts.find(({ name }) => name === "met"))}
    ${alike(odd)}
    ${failed.length ? facts(failed) : nothing}
    <details>
      <summary>${failed.length ? t("lobby.some", { passed: checks.length - failed.length, all: checks.length })
        : t("lobby.all", { all: checks.length })}</summary>
      ${facts(checks)}
      <p class="hint">${t("lobby.proven", { height: one.proof_height })}</p>
    </details>
    <div class="row">
      <button type="button" class="main" ?disabled=${busy || !one.ready}
        @click=${() => actions.admit(one.idx)}>${t("lobby.admit")}</button>
      <button type="button" ?disabled=${busy} @click=${() => actions.deny(one.idx, false)}>${t("lobby.deny")}</button>
      <button type="button" class="danger" ?disabled=${busy}
        @click=${() => actions.deny(one.idx, true)}>${t("lobby.ban")}</button>
    </div>
  </li>`;
}

/** Whether somebody was met before, with keys that explain each other.
 * @param {Lobbyist} one
 */
function isKnown({ facts }) {
  return facts.some(({ name, ok, known }) => name === "met" && ok && known);
}

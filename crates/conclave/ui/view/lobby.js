/** @import { Actions, Lobbyist, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { met } from "./contacts.js";
import { clock } from "./form.js";
import { facts } from "./preview.js";

/**
 * Everyone who asks to come in, with what was checked about them.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function lobby(screen, meeting, actions) {
  if (meeting.lobby.length === 0) return nothing;
  const ready = meeting.lobby.filter((one) => one.ready).length;
  return html`<section class="lobby" aria-label="Lobby">
    <header>
      <h2>${meeting.lobby.length === 1 ? "One person asks" : `${meeting.lobby.length} people ask`} to come in</h2>
      ${meeting.lobby.length > 1 ? html`<button type="button" class="main"
        ?disabled=${ready === 0 || screen.busy.includes("admit all")}
        @click=${actions.admitAll}>Admit all</button>` : nothing}
    </header>
    <ul>${repeat(meeting.lobby, ({ idx }) => idx, (one) => asks(screen, one, actions))}</ul>
  </section>`;
}

/**
 * @param {Screen} screen
 * @param {Lobbyist} one
 * @param {Actions} actions
 */
function asks(screen, one, actions) {
  const busy = [`admit ${one.idx}`, `deny ${one.idx}`, "admit all"]
    .some((name) => screen.busy.includes(name));
  const checks = one.facts.filter(({ name }) => name !== "met");
  const failed = checks.filter(({ ok }) => !ok);
  return html`<li class="asks" aria-label=${one.name}>
    <p class="head"><strong>${one.name}</strong>
      <span class="hint"><code>${one.fingerprint}</code> · asked at ${clock(one.asked_at_ms)}</span></p>
    ${met(one.facts.find(({ name }) => name === "met"))}
    ${failed.length ? facts(failed) : nothing}
    <details>
      <summary>${failed.length ? `${checks.length - failed.length} of ${checks.length} checks passed`
        : `All ${checks.length} checks passed`}</summary>
      ${facts(checks)}
      <p class="hint">Proven at block ${one.proof_height} of the ledger.</p>
    </details>
    <div class="row">
      <button type="button" class="main" ?disabled=${busy || !one.ready}
        @click=${() => actions.admit(one.idx)}>Admit</button>
      <button type="button" ?disabled=${busy} @click=${() => actions.deny(one.idx, false)}>Deny</button>
      <button type="button" class="danger" ?disabled=${busy}
        @click=${() => actions.deny(one.idx, true)}>Deny and ban</button>
    </div>
  </li>`;
}

/** @import { Actions, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { evidence } from "./codes.js";
import { clock, fields, initials } from "./form.js";
import { linkField } from "./handed.js";
import { warnings } from "./history.js";
import { FORMS } from "./identity.js";
import { refusal } from "./notices.js";
import { overdue } from "./people.js";
import { waits } from "./waits.js";

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function home(screen, actions) {
  const daemon = screen.daemon;
  const me = daemon?.identity;
  const busy = screen.busy.includes("meetings");
  const start = fields((field) =>
    actions.start(field("title"), {
      ...(field("auto_admit") ? { auto_admit: true } : {}),
      ...(field("sealed") ? { sealed: true } : {}),
    }));
  const stale = daemon?.network.freshness === "stale";
  const able = me?.registered && !me.devices.some((one) => one.me && !one.active);
  const way = html`<button type="button" class="main" @click=${() =>
    actions.tell({ kind: "go", screen: "identity" })}>Look at your devices</button>`;
  return html`
    ${overdue(daemon?.network)}
    ${daemon?.network.fork ? evidence(daemon.network.fork) : nothing}
    ${warnings(screen, actions, way)}
    ${waits(screen, actions)}
    <section class="card who">
      <span class="face" aria-hidden="true">${initials(me?.info.text ?? "")}</span>
      <p><span><strong>${me?.info.text}</strong> ${me?.handle ? html`<span class="handle">@${me.handle}</span>` : nothing}</span>
        <span class="hint">${FORMS[me?.info.form ?? "clear"]} · fingerprint
          <code>${me?.fingerprint}</code></span>
        ${me?.registered ? nothing : html`<span class="hint">The ledger does not know this device yet.</span>`}
      </p>
      ${me?.registered ? html`<button type="button" @click=${() =>
          actions.tell({ kind: "go", screen: "identity" })}>Devices and history</button>`
        : html`<span class="row">
          <button type="button" @click=${() =>
            actions.tell({ kind: "go", screen: "accept" })}>Paste a device link again</button>
          <button type="button" @click=${() =>
            actions.tell({ kind: "go", screen: "recover" })}>Use the recovery sheet again</button>
        </span>`}
    </section>
    <div class="pair">
      <section class="card">
        <h1 tabindex="-1" data-focus>New meeting</h1>
        <p>You lead it, and you say who comes in.</p>
        <form @submit=${start}>
          <label class="field">Title
            <input name="title" required maxlength="120" autocomplete="off" ?disabled=${busy}>
          </label>
          <label class="choice">
            <input type="checkbox" name="auto_admit" ?disabled=${busy}>
            <span>Let in whoever holds the invite
              <span class="hint">Otherwise nobody comes in unless you admit them.</span></span>
          </label>
          <label class="choice">
            <input type="checkbox" name="sealed" ?disabled=${busy}>
            <span>Keep from the ledger who joins
              <span class="hint">Guests ask under a persona made for this meeting. You and the members
                see who they are.</span></span>
          </label>
          ${refusal(screen.refusal)}
          <button class="main wide" ?disabled=${busy || !able}>
            ${busy ? "Starting …" : "Start a meeting"}</button>
        </form>
      </section>
      <section class="card">
        <h2>Invited?</h2>
        <p>You see who leads the meeting, checked against the ledger, before you ask to come
          in.</p>
        <button type="button" class="wide" ?disabled=${!able}
          @click=${() => actions.tell({ kind: "go", screen: "join" })}>Join with a link</button>
      </section>
    </div>
    ${stale ? html`<p class="refusal" role="alert"><strong>The ledger has not been heard for too
      long.</strong> Meetings begin and admit again as soon as it answers.</p>` : nothing}
    ${daemon?.recent.length ? html`<section class="card">
      <h2>Ended</h2>
      <ul class="rows">${daemon.recent.slice(0, 5).map(({ title, ended_at_ms }) => html`
        <li><span>${title || "Untitled"}</span><time class="hint">${clock(ended_at_ms)}</time></li>`)}
      </ul>
    </section>` : nothing}`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function joinForm(screen, actions) {
  const busy = screen.busy.includes("invite");
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Join with a link</h1>
    <p>Paste the invite link. Checking it asks nothing of anyone yet.</p>
    <form @submit=${fields((field) => actions.check(field("link")))}>
      ${linkField("Invite link", "conclave:j/1", busy)}
      ${refusal(screen.refusal)}
      <div class="row">
        <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>Back</button>
        <button class="main" ?disabled=${busy}>${busy ? "Checking …" : "Check the link"}</button>
      </div>
    </form>
  </section>`;
}

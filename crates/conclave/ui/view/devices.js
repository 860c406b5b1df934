/** @import { Actions, Device, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { day, fields, short } from "./form.js";
import { handed, linkField } from "./handed.js";
import { refusal } from "./notices.js";
import { passphrase } from "./welcome.js";

/**
 * The machines that are the person, the oldest first.
 *
 * @param {Screen} screen
 * @param {Identity} me
 * @param {Actions} actions
 */
export function devices(screen, me, actions) {
  const mine = me.devices.find((one) => one.me);
  return html`
    <h2>Devices</h2>
    <p>Each has a key of its own and speaks for you.</p>
    ${me.devices.length ? html`<ul class="rows">
      ${repeat(me.devices, (one) => one.device, (one) => device(screen, one, mine, actions))}
    </ul>` : html`<p class="hint">The ledger is being asked for the list.</p>`}`;
}

/**
 * @param {Screen} screen
 * @param {Device} one
 * @param {Device | undefined} mine
 * @param {Actions} actions
 */
function device(screen, one, mine, actions) {
  const name = one.me ? "This device" : `Device ${short(one.device)}`;
  const older = one.active && mine?.active && mine.seniority > one.seniority;
  const busy = screen.busy.includes("devices/revoke");
  return html`<li aria-label=${name}>
    <div>
      <p><strong>${name}</strong>
        ${one.active ? nothing : html`<span class="tag bad">revoked</span>`}</p>
      <p class="hint"><code>${one.fingerprint}</code></p>
      <p class="hint">Added on ${day(one.added_at_ms)}${one.me ? ` · device ${short(one.device)}` : ""}
        ${older ? "· older than this one" : ""}</p>
    </div>
    ${one.active && mine?.active ? html`<button type="button" class="danger" ?disabled=${busy}
      aria-label=${one.me ? "Revoke this device" : `Revoke device ${short(one.device)}`}
      @click=${() => actions.tell({ kind: "ask", question: { act: "revoke", device: one.device } })}>
      Revoke</button>` : nothing}
  </li>`;
}

/**
 * On the first device: the link for the new one, and a field for what it answers.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function offer(screen, actions) {
  const me = screen.daemon?.identity;
  if (!screen.handed || !me) return html``;
  const busy = screen.busy.includes("devices/add");
  return html`<div class="pair own">
    <section class="card">
      <h1 tabindex="-1" data-focus>Add a device</h1>
      <p><strong>1.</strong> On the new device, start Conclave, choose “I have an identity already”
        and give it this link.</p>
      ${handed(screen, actions, screen.handed, "Link for the new device")}
      <p class="hint">${me.info.form === "clear" ? "It holds no key. A new one is made there."
        : "It holds no key, but it opens your hidden name: show it to nobody else."}</p>
    </section>
    <section class="card">
      <h2>Then, back here</h2>
      <p><strong>2.</strong> The new device shows a link, too. Paste it here.</p>
      <form @submit=${fields((field) => actions.addDevice(field("link")))}>
        ${linkField("Answer of the new device", "conclave:a/1", busy)}
        <p class="hint">Take it from the device itself. Whoever made it will speak for you.</p>
        ${refusal(screen.refusal)}
        <div class="row">
          <button type="button" @click=${() => actions.tell({ kind: "go", screen: "identity" })}>
            Back</button>
          <button class="main" ?disabled=${busy}>
            ${busy ? "Writing to the ledger …" : "Add the device"}</button>
        </div>
      </form>
    </section>
  </div>`;
}

/**
 * On the new device: a field for the link of the first one.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function accept(screen, actions) {
  const busy = screen.busy.includes("devices/accept");
  const send = fields((field) => actions.acceptDevice(field("link"), field("passphrase")));
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Use your identity here, too</h1>
    <p>On your first device, open “Your identity” and choose “Add a device”. It shows a link: paste
      it here. This computer makes a key of its own.</p>
    <form @submit=${send}>
      ${linkField("Link from your first device", "conclave:d/1", busy)}
      ${screen.daemon?.identity ? nothing : passphrase(busy)}
      ${refusal(screen.refusal)}
      <div class="row">
        <button type="button" @click=${() => actions.tell({ kind: "go", screen: "home" })}>Back</button>
        <button class="main" ?disabled=${busy}>${busy ? "Making a key …" : "Make a key here"}</button>
      </div>
    </form>
  </section>`;
}

/**
 * On the new device: the link to take back, until the first one has used it.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function answer(screen, actions) {
  const me = screen.daemon?.identity;
  if (!screen.handed) return html``;
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>Now take this back</h1>
    <p>Paste this link on your first device, under “Then, back here”.</p>
    ${handed(screen, actions, screen.handed, "Link for your first device")}
    <p role="status">Waiting for your first device. This page goes on by itself.</p>
    ${me ? html`<p class="hint">Its list of devices must then show <code>${me.fingerprint}</code>.</p>`
      : nothing}
    <button type="button" @click=${() => actions.tell({ kind: "go", screen: "accept" })}>
      Start again with another link</button>
  </section>`;
}

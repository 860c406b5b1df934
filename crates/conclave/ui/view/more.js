/** @import { Actions, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { t } from "../words.js";
import { icon } from "./icon.js";
import { panel } from "./panel.js";

/**
 * What is wanted seldom: how the room is shown, recording, devices, settings.
 *
 * @param {Screen} screen
 * @param {Meeting} now
 * @param {Actions} actions
 */
export function more(screen, now, actions) {
  const speaker = screen.layout === "speaker";
  const layout = (/** @type {Screen["layout"]} */ layout) => () => actions.tell({ kind: "layout", layout });
  const busy = screen.busy.includes("record");
  return panel(t("tools.more"), actions, html`
    <h3>${t("more.view")}</h3>
    <div class="row">
      <button type="button" aria-pressed=${!speaker} @click=${layout("grid")}>${icon("grid")}<span>${t("more.grid")}</span></button>
      <button type="button" aria-pressed=${speaker} @click=${layout("speaker")}>${icon("speaker")}<span>${t("more.speaker")}</span></button>
      <button type="button" @click=${() => actions.fill(null)}>${icon("full")}<span>${t("more.full")}</span></button>
    </div>
    <h3>${t("more.record")}</h3>
    <p class="hint">${t("more.record.text")}</p>
    <div class="row">
      <button type="button" class=${screen.recording ? "danger" : ""} ?disabled=${busy}
        @click=${() => actions.record(!screen.recording)}>${icon("record")}<span>${
          t(screen.recording ? "more.record.stop" : "more.record.start")}</span></button>
    </div>
    <h3>${t("more.also")}</h3>
    <div class="list">
      ${leads(actions, "files", icon("clip"), t("files.title"))}
      ${leads(actions, "gear", icon("gear"), t("gear.title"))}
      <button type="button" @click=${() => actions.tell({ kind: "dialog", dialog: "settings" })}>
        ${icon("gear")}<span>${t("settings.title")}</span></button>
      <button type="button" @click=${() => actions.tell({ kind: "dialog", dialog: "keys" })}>
        ${icon("keys")}<span>${t("keys.title")}</span></button>
    </div>
    ${now.members.some((one) => one.recording) ? html`<p class="hint">${t("more.record.others")}</p>` : nothing}`);
}

/**
 * @param {Actions} actions
 * @param {"files" | "gear"} panel
 * @param {unknown} drawing
 * @param {string} name
 */
function leads(actions, panel, drawing, name) {
  return html`<button type="button" @click=${() => actions.tell({ kind: "panel", panel })}>
    ${drawing}<span>${name}</span></button>`;
}

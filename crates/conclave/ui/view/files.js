/** @import { Actions, Meeting, Screen, SharedFile } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { dates, t } from "../words.js";
import { clock, sentence } from "./form.js";
import { icon } from "./icon.js";
import { panel } from "./panel.js";

/**
 * Files that people give to the meeting, and a way to give one.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function files(screen, meeting, actions) {
  const all = meeting.files ?? [];
  const pick = (/** @type {Event} */ { target }) => {
    const field = /** @type {HTMLInputElement} */ (target);
    actions.sendFiles([...field.files ?? []]);
    field.value = "";
  };
  return panel(t("files.title"), actions, html`
    <p>${t("files.text")}</p>
    <label class="pick">${icon("clip")}<span>${t("files.send")}</span>
      <input class="unseen" type="file" multiple @change=${pick}></label>
    ${all.length ? html`<ul class="rows" aria-label=${t("files.title")}>
      ${repeat(all, ({ id }) => id, (one) => file(screen, one, actions))}</ul>`
    : html`<p class="hint">${t("files.none")}</p>`}`);
}

/**
 * @param {Screen} screen
 * @param {SharedFile} one
 * @param {Actions} actions
 */
function file(screen, one, actions) {
  const { at_ms, done, file, id, me, name, size, state, text } = one;
  const moves = state === "receiving" || state === "sending";
  return html`<li aria-label=${file}><div>
      <p><strong>${file}</strong></p>
      <p class="hint">${me ? t("chat.you") : name} · ${clock(at_ms)} · ${bytes(size)}</p>
      ${moves ? html`<progress aria-label=${t("files.progress", { file })} max=${size || 1} value=${done}></progress>` : nothing}
      ${text ? html`<p class=${state === "failed" ? "bad" : "hint"}>${sentence(text)}</p>` : nothing}
    </div>
    ${me ? nothing : state === "offered" || state === "failed" ? html`<button type="button"
      aria-label=${t("files.take.what", { file })} ?disabled=${screen.busy.includes(`take ${id}`)}
      @click=${() => actions.takeFile(one)}>${t("files.take")}</button>`
    : state === "here" ? html`<button type="button" class="main" aria-label=${t("files.save.what", { file })}
      ?disabled=${screen.busy.includes(`save ${id}`)} @click=${() => actions.saveFile(one)}>${t("files.save")}</button>` : nothing}
  </li>`;
}

/** A size as people read it.
 * @param {number} size
 */
function bytes(size) {
  const [value, unit] = size < 1000 ? [size, "byte"] : size < 1e6 ? [size / 1e3, "kilobyte"] : [size / 1e6, "megabyte"];
  return value.toLocaleString(dates(), { style: "unit", unit, maximumFractionDigits: 1 });
}

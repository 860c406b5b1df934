/** @import { Actions, Plugged, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { t } from "../words.js";
import { panel } from "./panel.js";

/**
 * Which camera, microphone and loudspeaker are used, beside a meeting.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function gear(screen, actions) {
  return panel(t("gear.title"), actions, html`${meter()}${choices(screen, actions)}`);
}

/** How loud the own microphone is. */
export function meter() {
  return html`<label class="level">${t("gear.level")}
    <meter min="0" max="1" value="0"></meter></label>`;
}

/**
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function choices({ gear, media, settings }, actions) {
  return html`<form class="gear" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
    ${choice(t("gear.camera"), gear.cameras, settings.camera, (id) => actions.choose("camera", id))}
    ${choice(t("gear.mic"), gear.mics, settings.mic, (id) => actions.choose("mic", id))}
    ${gear.speakers.length ? choice(t("gear.speaker"), gear.speakers, settings.speaker,
      (id) => actions.choose("speaker", id)) : nothing}
    ${gear.blur === "none" ? nothing : box(t("gear.blur"), gear.blur === "on", !media.camera, actions.blur)}
    ${box(t("gear.cameraoff"), settings.cameraOff, false, (cameraOff) => actions.set({ cameraOff }))}
    ${box(t("gear.micoff"), settings.micOff, false, (micOff) => actions.set({ micOff }))}
  </form>`;
}

/**
 * @param {string} name
 * @param {Plugged[]} devices
 * @param {string} chosen
 * @param {(id: string) => void} choose
 */
function choice(name, devices, chosen, choose) {
  return html`<label class="field">${name}
    <select @change=${(/** @type {Event} */ { target }) => choose(/** @type {HTMLSelectElement} */ (target).value)}>
      <option value="" ?selected=${!devices.some(({ id }) => id === chosen)}>${t("gear.system")}</option>
      ${devices.map(({ id, label }, n) => html`<option value=${id} ?selected=${id === chosen}>${
        label || `${name} ${n + 1}`}</option>`)}
    </select></label>`;
}

/**
 * @param {string} name
 * @param {boolean} on
 * @param {boolean} disabled
 * @param {(on: boolean) => void} set
 */
export function box(name, on, disabled, set) {
  return html`<label class="choice"><input type="checkbox" .checked=${on} ?disabled=${disabled}
    @change=${(/** @type {Event} */ { target }) => set(/** @type {HTMLInputElement} */ (target).checked)}>
    <span>${name}</span></label>`;
}

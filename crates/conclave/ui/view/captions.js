/** @import { Able, Actions, Meeting, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { t } from "../words.js";

/**
 * What is said, in letters, for who wants it; or why it is not.
 *
 * @param {Screen} screen
 * @param {Meeting} now
 * @param {Actions} actions
 */
export function captions({ captions: { able, lines }, media, settings }, now, actions) {
  if (!settings.captions) return nothing;
  const name = (/** @type {number} */ idx) => now.members.find((member) => member.idx === idx)?.name ?? "";
  const waits = able === "ready" && !media.mic ? t("captions.muted") : WHY[able] ? t(WHY[able]) : "";
  return html`<section class="captions" aria-label=${t("captions.title")}>
    <div role="log" aria-label=${t("captions.title")}>${repeat(lines, ({ id }) => id, ({ idx, text }) => html`
      <p><strong>${name(idx)}</strong> <span class="text">${text}</span></p>`)}</div>
    ${lines.length && able === "ready" ? nothing : html`<p class="hint">${waits}</p>`}
    ${able === "fetch" ? html`<button type="button" @click=${actions.fetchCaptions}>${t("captions.fetch.yes")}</button>` : nothing}
  </section>`;
}

/** @type {Record<Able, import("../words.js").Key | null>} */
const WHY = {
  cloud: "captions.cloud", fetch: "captions.fetch", fetching: "captions.fetching", none: "captions.none",
  ready: "captions.own", unknown: null,
};

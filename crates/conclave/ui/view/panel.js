/** @import { Actions } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { icon } from "./icon.js";
import { t } from "../words.js";

/**
 * What opens beside the tiles; on a small screen, over them.
 *
 * @param {string} name
 * @param {Actions} actions
 * @param {unknown} content
 * @param {boolean} [still] nothing within takes the keyboard, so that it scrolls the panel itself
 */
export function panel(name, actions, content, still = false) {
  return html`<aside class="panel" aria-label=${name}
    @keydown=${(/** @type {KeyboardEvent} */ event) =>
      event.key === "Escape" && actions.tell({ kind: "panel", panel: null })}>
    <header>
      <h2 tabindex="-1" data-panel>${name}</h2>
      <button type="button" class="plain" aria-label=${t("panel.close")}
        @click=${() => actions.tell({ kind: "panel", panel: null })}>${icon("close")}</button>
    </header>
    <div class="content" tabindex=${still ? 0 : nothing}>${content}</div>
  </aside>`;
}

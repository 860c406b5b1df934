/** @import { Actions, Identity, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { date, fields } from "./form.js";
import { refusal } from "./notices.js";
import { t } from "../words.js";

/**
 * Whether there is a sheet of paper for the day when every device is lost, and the way to one.
 *
 * @param {Screen} screen
 * @param {Identity} me
 * @param {boolean} active whether this device speaks for the person
 * @param {Actions} actions
 */
export function recovery(screen, me, active, actions) {
  const busy = screen.busy.includes("recovery/sheet");
  return html`
    <h2>${t("sheet.title")}</h2>
    ${me.recovery ? html`
      <p><strong>${t("sheet.has")}</strong> ${t("sheet.has.text")}</p>
      <p class="hint">${t("sheet.has.hint")}</p>`
    : html`
      <p><strong>${t("sheet.none")}</strong> ${t("sheet.none.text")}</p>`}
    <div class="row">
      <button type="button" class=${me.recovery ? "" : "main"} ?disabled=${!active || !me.registered || busy}
        @click=${actions.drawSheet}>
        ${busy ? t("busy.drawing") : me.recovery ? t("sheet.make.new") : t("sheet.make")}</button>
    </div>`;
}

/**
 * The sheet itself; only this part of the page is printed.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function sheet(screen, actions) {
  const drawn = screen.drawn?.sheet;
  if (!drawn) return html``;
  return html`<section class="card drawn">
    <h1 tabindex="-1" data-focus>${t("paper.title")}</h1>
    <p><strong>${t("paper.nobody")}</strong> ${t("paper.nobody.text")}</p>
    <article class="paper" aria-labelledby="paper">
      <h2 id="paper">${t("paper.head")}</h2>
      <ol class="words" translate="no">${drawn.words.split(" ").map((word, n) => html`
        <li><span>${n + 1}</span> <b>${word}</b></li>`)}</ol>
      <dl class="ids">
        <div><dt>${t("paper.name")}</dt><dd>${screen.daemon?.identity?.info.text}</dd></div>
        <div><dt>${t("identity.user")}</dt><dd><code>${drawn.user}</code></dd></div>
        <div><dt>${t("paper.fingerprint")}</dt><dd><code>${drawn.fingerprint}</code></dd></div>
        <div><dt>${t("paper.network")}</dt><dd>${screen.daemon?.network.name} <code>${drawn.network}</code></dd></div>
        <div><dt>${t("paper.made")}</dt><dd>${date(Date.now())}</dd></div>
      </dl>
      <p>${t("paper.how")}</p>
      <p><strong>${t("paper.thief")}</strong> ${t("paper.keep")}</p>
    </article>
    <div class="row">
      <button type="button" @click=${() => actions.tell({ kind: "go", screen: "identity" })}>${t("paper.away")}</button>
      <button type="button" @click=${actions.print}>${t("paper.print")}</button>
      <button type="button" class="main" @click=${() => actions.tell({ kind: "proof", on: true })}>
        ${t("paper.have")}</button>
    </div>
  </section>`;
}

/**
 * Two of the words are asked back, from the paper.
 *
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function proof(screen, actions) {
  const drawn = screen.drawn;
  if (!drawn) return html``;
  const busy = screen.busy.includes("recovery/keep");
  const send = fields((field) => actions.keepSheet(drawn, drawn.ask.map((n) => field(`word${n}`))));
  return html`<section class="card">
    <h1 tabindex="-1" data-focus>${t("proof.title")}</h1>
    <p>${t("proof.text")}</p>
    <form @submit=${send}>
      ${drawn.ask.map((n) => html`<label class="field">${t("proof.word", { number: n })}
        <input name="word${n}" required maxlength="16" autocomplete="off" autocapitalize="none"
          spellcheck="false" ?disabled=${busy}>
      </label>`)}
      ${refusal(screen.refusal)}
      ${screen.daemon?.identity?.recovery ? html`<p class="hint">${t("proof.replaces")}</p>`
        : nothing}
      <div class="row">
        <button type="button" ?disabled=${busy}
          @click=${() => actions.tell({ kind: "proof", on: false })}>${t("proof.again")}</button>
        <button class="main" ?disabled=${busy}>
          ${busy ? t("busy.writing") : t("proof.yes")}</button>
      </div>
    </form>
  </section>`;
}

/** @import { Actions, Anchor, Anchors, Meeting, Network, Screen } from "../types.js" */
import { html, nothing } from "../node_modules/lit-html/lit-html.js";
import { repeat } from "../node_modules/lit-html/directives/repeat.js";
import { trust } from "../trust.js";
import { t } from "../words.js";
import { codes } from "./codes.js";
import { age, clock, sentence } from "./form.js";
import { icon } from "./icon.js";
import { panel } from "./panel.js";

/**
 * What stands behind the shield: why it is as it is, who is in by the ledger, the keys, the codes,
 * who keeps the ledger, and what outsiders see.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
export function security(screen, meeting, actions) {
  const { reasons, state } = trust(screen, meeting);
  const { anchors, network } = screen.daemon ?? {};
  const leader = meeting.members.find(({ idx }) => idx === meeting.leader);
  return panel(t("security.title"), actions, html`
    <div class="state ${state}">${icon(state === "good" ? "shield" : state === "new" ? "shieldNew" : "alarm")}
      <div><p><strong>${t(TRUST[state])}</strong></p>
        ${reasons.length ? html`<ul>${reasons.map(({ text, wrong }) => html`<li class=${wrong ? "bad" : ""}>${text}</li>`)}</ul>`
        : html`<p>${t(meeting.members.length > 1 ? "trust.good.text" : "trust.alone")}</p>`}</div></div>
    <dl class="table">
      <div><dt>${t("security.key")}</dt><dd>${t("security.key.is", { epoch: meeting.epoch, age: age(meeting.key_age_ms) })}</dd></div>
      <div><dt>${t("strip.leader")}</dt><dd>${leader?.me ? t("tag.you") : leader?.name ?? t("strip.unknown")}</dd></div>
      <div><dt>${t("security.term")}</dt><dd>${meeting.term}</dd></div>
      ${network ? html`<div><dt>${t("page.ledger")}</dt>
        <dd>${t("security.ledger.is", { height: network.height, age: age(network.age_ms) })}</dd></div>` : nothing}
    </dl>
    <h3>${t("codes.title")}</h3>
    ${codes(meeting, actions)}
    <h3>${t("security.roster")}</h3>
    <p class="hint">${t("security.roster.text")}</p>
    <ul class="rows">${repeat(meeting.members, ({ idx }) => idx, ({ admitted_height, fingerprint, name }) => html`
      <li><span class="who-is"><strong>${name}</strong> <code>${fingerprint}</code></span>
        <span class="hint">${t("security.block", { height: admitted_height })}</span></li>`)}</ul>
    ${validators(network)}
    ${anchored(anchors)}
    <h3>${t("outside.title")}</h3>
    <dl class="outside">${OUTSIDE.map(([who, sees]) => html`<div><dt>${t(who)}</dt>
      <dd>${t(meeting.sealed && sees === "outside.validators.sees" ? "outside.validators.sealed" : sees)}</dd></div>`)}</dl>`, true);
}

/** @param {Network} [network] */
function validators(network) {
  return html`<h3>${t("security.validators")}</h3>
    <ul class="rows">${network?.validators.map(({ key, url, height, ok }) => html`
      <li><span><code>${key}</code> <span class="hint">${url}</span></span>
        <span class=${ok ? "hint" : "bad"}>${ok ? t("security.block", { height: height ?? "?" }) : t("security.noanswer")}</span></li>`)}
    </ul>`;
}

/**
 * What other ledgers say of this one.
 *
 * @param {Anchors | null} [anchors]
 */
function anchored(anchors) {
  if (!anchors) return html`<h3>${t("anchors.title")}</h3><p class="hint">${t("anchors.none")}</p>`;
  return html`<h3>${t("anchors.title")}</h3>
    <p class="hint">${t("anchors.text")}</p>
    <dl class="table">
      <div><dt>${t("anchors.count")}</dt><dd>${anchors.count}</dd></div>
      <div><dt>${t("anchors.height")}</dt><dd>${anchors.anchored === null ? t("anchors.not")
        : t("anchors.behind", { height: anchors.anchored, behind: anchors.behind })}</dd></div>
      <div><dt>${t("anchors.checked")}</dt><dd>${anchors.checked_ms ? clock(anchors.checked_ms) : t("anchors.not")}</dd></div>
      <div><dt>${t("anchors.asked")}</dt><dd>${anchors.endpoints.join(", ") || t("anchors.nobody")}</dd></div>
    </dl>
    <ul class="rows">${anchors.list.slice(0, 5).map(anchor)}</ul>`;
}

/** @param {Anchor} one */
function anchor({ chain, height, problems, verdict, words }) {
  const good = verdict === "anchored";
  const bad = verdict === "conflict";
  return html`<li><div class=${bad ? "bad" : ""}>
    <p>${icon(good ? "check" : bad ? "alarm" : "clock")} ${t("security.block", { height })} ·
      ${chain === null ? "Bitcoin" : `Ethereum ${chain}`}</p>
    <p class=${bad ? "" : "hint"}>${sentence(words)}</p>
    ${problems.map((problem) => html`<p class="hint">${sentence(problem)}</p>`)}
  </div></li>`;
}

/** @type {Record<"good" | "new" | "wrong", import("../words.js").Key>} */
export const TRUST = { good: "trust.good", new: "trust.new", wrong: "trust.wrong" };
/** @type {[import("../words.js").Key, import("../words.js").Key][]} */
const OUTSIDE = [
  ["outside.validators", "outside.validators.sees"], ["outside.relays", "outside.relays.sees"],
  ["outside.network", "outside.network.sees"], ["outside.anchors", "outside.anchors.sees"],
  ["outside.members", "outside.members.sees"],
];

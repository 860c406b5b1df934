/**
 * How far a meeting can be trusted, in one word and the reasons for it. Pure.
 *
 * @import { Meeting, Member, Screen } from "./types.js"
 */
import { suspects } from "./lookalike.js";
import { t } from "./words.js";

/**
 * The worst that holds: something is wrong, somebody is new, or everyone is verified.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @returns {{ state: "good" | "new" | "wrong", reasons: { wrong: boolean, text: string }[] }}
 */
export function trust(screen, meeting) {
  const reasons = [
    ...wrongs(screen, meeting).map((text) => ({ wrong: true, text })),
    ...doubts(screen, meeting).map((text) => ({ wrong: false, text })),
  ];
  return { state: reasons.some(({ wrong }) => wrong) ? "wrong" : reasons.length ? "new" : "good", reasons };
}

/** Whether somebody is met for the first time, or nothing is known of them yet.
 * @param {Member} member
 */
export function isNew({ me, met }) {
  return !me && !met?.known && met?.ok !== false;
}

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 */
function wrongs({ daemon }, { codes, members }) {
  const { anchors, identity, network } = daemon ?? {};
  const lies = anchors?.list.filter(({ verdict }) => verdict === "conflict") ?? [];
  return [
    ...network?.fork ? [t("trust.fork")] : [],
    ...codes?.evidence.length ? [t("trust.evidence")] : [],
    ...lies.map(({ height }) => t("trust.anchor", { height })),
    ...identity?.rewritten ? [t("warn.rewritten")] : [],
    ...identity?.unexplained.length ? [t("trust.identity")] : [],
    ...members.filter(({ met }) => met && !met.ok).map(({ name }) => t("trust.keys", { name })),
    ...network?.freshness === "stale" ? [t("trust.stale")] : [],
  ];
}

/**
 * @param {Screen} screen
 * @param {Meeting} meeting
 */
function doubts({ daemon }, { members, provisional }) {
  const odd = suspects(members, daemon?.contacts);
  return [
    ...members.filter(isNew).map(({ name }) => t("trust.first", { name })),
    ...members.filter(({ idx, me }) => !me && odd.has(idx)).map(({ idx, name }) =>
      t(odd.get(idx) === "twin" ? "trust.twin" : "trust.odd", { name })),
    ...provisional ? [t("trust.provisional")] : [],
    ...daemon?.network.freshness === "amber" ? [t("trust.amber")] : [],
  ];
}

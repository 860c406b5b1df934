/** @import { Meeting } from "./types.js" */
import { t } from "./words.js";

/**
 * What a listener is told about a change within one meeting.
 *
 * @param {Meeting} before
 * @param {Meeting} now
 * @returns {string}
 */
export function news(before, now) {
  const had = new Set(before.members.map(({ idx }) => idx));
  const has = new Set(now.members.map(({ idx }) => idx));
  const asked = new Set(before.lobby.map(({ idx }) => idx));
  return [
    ...before.leader === null || before.leader === now.leader ? [] : leads(now),
    ...Boolean(before.locked) === Boolean(now.locked) ? []
      : [now.locked ? t("news.locked") : t("news.open")],
    ...now.members.filter(({ idx, me }) => !me && !had.has(idx)).map((one) => t("news.joined", { name: one.name })),
    ...before.members.filter(({ idx }) => !has.has(idx)).map((one) => t("news.left", { name: one.name })),
    ...now.lobby.filter(({ idx }) => !asked.has(idx) && !has.has(idx)).map((one) => t("news.asks", { name: one.name })),
    ...marks(before, now),
  ].join(". ");
}

/** Who raised a hand, who began to record and who stopped.
 * @param {Meeting} before
 * @param {Meeting} now
 */
function marks(before, now) {
  return now.members.filter(({ me }) => !me).flatMap((one) => {
    const { name } = one;
    const was = before.members.find(({ idx }) => idx === one.idx);
    return [
      ...one.hand_ms && !was?.hand_ms ? [t("news.hand", { name })] : [],
      ...Boolean(one.recording) === Boolean(was?.recording) ? []
        : [t(one.recording ? "news.records" : "news.recordsnot", { name })],
    ];
  });
}

/** @param {Meeting} meeting */
function leads({ leader, members }) {
  const who = members.find(({ idx }) => idx === leader);
  return who ? [who.me ? t("news.lead.you") : t("news.lead", { name: who.name })] : [];
}

/**
 * Our page in a meeting: its own files, before a daemon that only pretends. What the page is asked
 * and told is what a daemon asks and tells; its media come from the far side.
 *
 * @import { BrowserContext, Page } from "playwright-core"
 * @import { Far } from "./far.js"
 */
import { fakeDaemon, freshState, meeting, member } from "../../../crates/conclave/ui/test/fake-daemon.js";

/** A daemon in a meeting tells the whole state four or five times a second, whether it changed or not. */
const TELLS_MS = 220;
const STREAMS = [{ stream_no: 0, kind: "audio", live: true }, { stream_no: 1, kind: "video", live: true }];

/**
 * Brings the page into a meeting with that many others, all in motion.
 *
 * @param {BrowserContext} context
 * @param {Far} far
 * @param {number} others
 * @returns {Promise<{ page: Page, end: () => void }>}
 */
export async function enterConclave(context, far, others) {
  const members = [member(0, "Alice Martin", { me: true, leader: true, link: "self" }),
    ...Array.from({ length: others }, (_, n) => member(n + 1, `Person ${n + 1}`, { streams: STREAMS }))];
  const daemon = await fakeDaemon(freshState({ meeting: meeting({ members }) }));
  // Whoever starts anew gets a connection of its own.
  let connections = 0;
  const named = (known) => known ?? `connection ${connections += 1}`;
  daemon.answers.set("/whip", async (sdp) => [201, await far.answer(named(null), sdp, [])]);
  daemon.answers.set("/api/receive", async ({ id: known, sdp, want }) => {
    const id = named(known);
    return [200, { id, sdp: await far.answer(id, sdp, want.map(({ mid }) => mid)) }];
  });
  let told = 0;
  const tells = setInterval(() => {
    told += 1;
    const { network, meeting } = daemon.state;
    daemon.show({
      network: { ...network, age_ms: 300 + told % 5 * TELLS_MS, height: 1204 + Math.floor(told / 5) },
      meeting: { ...meeting, key_age_ms: meeting.key_age_ms + TELLS_MS },
    });
  }, TELLS_MS);
  const page = await context.newPage();
  await page.goto(daemon.url);
  // Nothing is measured of the own microphone before somebody has pressed something.
  await page.locator(".bar h1").click();
  return { page, end: () => { clearInterval(tells); daemon.close(); } };
}

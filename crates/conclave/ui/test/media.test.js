import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open } from "./browser.js";
import { fakeDaemon, freshState, meeting, member } from "./fake-daemon.js";
import { eventually, heard, moves, tile } from "./helpers.js";

/** @type {import("playwright-core").Browser} */
let chrome;
before(async () => { chrome = await browser(); });
after(() => chrome.close());

const STREAMS = [{ stream_no: 0, kind: "audio", live: true }, { stream_no: 1, kind: "video", live: true }];
const alice = member(0, "Alice Martin", { me: true, leader: true, link: "self" });
const bob = member(1, "Bob Okafor", { streams: STREAMS });
const carla = member(2, "Carla Ruiz", { streams: STREAMS });

/** A second tab stands for the daemon's media side.
 * @param {import("playwright-core").Page} peer
 * @param {{ id?: string | null, sdp: string, want: { mid: string }[] }} offer
 */
function answer(peer, offer) {
  return peer.evaluate(async ({ id, sdp, want }) => {
    const peers = /** @type {any} */ (globalThis).peers ??= new Map();
    const all = /** @type {any} */ (globalThis);
    all.media ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const name = id ?? String(peers.size + 1);
    const connection = peers.get(name) ?? new RTCPeerConnection();
    peers.set(name, connection);
    await connection.setRemoteDescription({ type: "offer", sdp });
    for (const transceiver of connection.getTransceivers()) {
      if (!want.some(({ mid }) => mid === transceiver.mid)) continue;
      transceiver.direction = "sendonly";
      const kind = transceiver.receiver.track.kind;
      await transceiver.sender.replaceTrack(all.media.getTracks().find((track) => track.kind === kind));
    }
    await connection.setLocalDescription(await connection.createAnswer());
    while (connection.iceGatheringState !== "complete") await new Promise((r) => setTimeout(r, 20));
    return { id: name, sdp: connection.localDescription.sdp };
  }, offer);
}

/** Bytes of one kind that the page sent on its first publication. */
const arrived = (peer, kind) => peer.evaluate(async (kind) => {
  const report = await /** @type {any} */ (globalThis).peers.get("camera").getStats();
  const inbound = [...report.values()].find((one) => one.type === "inbound-rtp" && one.kind === kind);
  return inbound?.bytesReceived ?? 0;
}, kind);

test("pictures and sound of others arrive, also of who comes later; one's own leave", async () => {
  const daemon = await fakeDaemon(freshState({ meeting: meeting({ members: [alice, bob] }) }));
  const side = await open(chrome, daemon.url.replace(/#.*/, ""));
  const wants = [];
  daemon.answers.set("/whip", async (sdp) => [201, (await answer(side.page, { id: "camera", sdp, want: [] })).sdp]);
  daemon.answers.set("/api/receive", async (offer) => {
    wants.push(offer.want);
    return [200, await answer(side.page, offer)];
  });
  const { page, complaints } = await open(chrome, daemon.url, { viewport: { width: 1024, height: 768 } });

  await tile(page, "Bob Okafor").waitFor();
  await moves(page, "Bob Okafor");
  await moves(page, "Alice Martin");
  await heard(page, "Bob Okafor");
  await eventually(async () => assert.ok(await arrived(side.page, "video") > 1000, "the camera is sent"));

  daemon.show({ meeting: meeting({ members: [alice, bob, carla] }) });
  await moves(page, "Carla Ruiz");
  await moves(page, "Bob Okafor");
  assert.deepEqual(wants.map((want) => want.length), [2, 4]);

  await page.getByRole("button", { name: "Camera off" }).click();
  let before = -1;
  await eventually(async () => {
    const last = before;
    before = await arrived(side.page, "video");
    // Sound has gone on for a while and no picture came with it.
    const sound = await arrived(side.page, "audio");
    while (await arrived(side.page, "audio") < sound + 2000);
    assert.equal(before, last, "nothing is sent while the camera is off");
  });

  daemon.show({ meeting: meeting({ phase: "left" }) });
  await page.getByText("You left the meeting").waitFor();
  await eventually(() =>
    assert.ok(daemon.asked.some(({ method, path }) => method === "DELETE" && path === "/whip/1")));
  assert.deepEqual(complaints, []);
  await side.page.context().close();
  await page.context().close();
  daemon.close();
});

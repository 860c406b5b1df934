import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open } from "./browser.js";
import { fakeDaemon, freshState, meeting, member } from "./fake-daemon.js";
import { button, eventually, heard, moves, tile } from "./helpers.js";
import { SHOTS } from "./world.js";

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

  // Both microphones beep: whoever is louder is marked, from the sound itself.
  await page.locator(".tile.speaking").first().waitFor();
  await button(page, "More").click();
  await button(page, "Speaker large").click();
  const size = async (name) => { const box = await tile(page, name).boundingBox(); return box.width * box.height; };
  await eventually(async () => assert.ok(await size("Bob Okafor") > 2 * await size("Alice Martin"), "never oneself"));
  await button(page, "Bob Okafor on the whole screen").click();
  await page.waitForFunction(() => document.fullscreenElement?.getAttribute("aria-label") === "Bob Okafor");
  await page.evaluate(() => document.exitFullscreen());
  const float = button(page, "Picture of Bob Okafor in a window of its own");
  await float.click();
  await page.waitForFunction(() => document.pictureInPictureElement?.closest("article")?.getAttribute("aria-label") === "Bob Okafor");
  await float.click();
  await page.waitForFunction(() => document.pictureInPictureElement === null);
  await button(page, "All alike").click();
  await eventually(async () => assert.ok(Math.abs(await size("Bob Okafor") / await size("Alice Martin") - 1) < 0.01));

  daemon.show({ meeting: meeting({ members: [alice, bob, carla] }) });
  await moves(page, "Carla Ruiz");
  await moves(page, "Bob Okafor");
  assert.deepEqual(wants.map((want) => want.length), [2, 4]);

  await button(page, "Camera off").click();
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

test("a screen that is shared is large, and the camera is held by nobody after the meeting", async () => {
  const screens = [...STREAMS, { stream_no: 2, kind: "screen", live: true }];
  const daemon = await fakeDaemon(freshState({ meeting: meeting({ members: [alice, bob, { ...carla, streams: screens }] }) }));
  const side = await open(chrome, daemon.url.replace(/#.*/, ""));
  daemon.answers.set("/whip", async (sdp) => [201, (await answer(side.page, { id: "camera", sdp, want: [] })).sdp]);
  daemon.answers.set("/api/receive", async (offer) => [200, await answer(side.page, offer)]);
  const { page } = await open(chrome, daemon.url, { viewport: { width: 1440, height: 900 } });
  const size = async (name) => { const box = await tile(page, name).boundingBox(); return box.width * box.height; };
  await moves(page, "Screen of Carla Ruiz", 3);
  assert.ok(await size("Screen of Carla Ruiz") > 5 * await size("Carla Ruiz"));
  await button(page, "Keep Bob Okafor large").focus();
  await page.keyboard.press("Enter");
  await eventually(async () => assert.ok(await size("Bob Okafor") > 5 * await size("Screen of Carla Ruiz")));
  await page.evaluate(() => { globalThis.tracks = document.querySelector(".mine video").srcObject.getTracks(); });
  daemon.show({ meeting: meeting({ phase: "ended" }) });
  await page.getByText("The meeting has ended").waitFor();
  await eventually(async () => assert.deepEqual(await page.evaluate(() =>
    globalThis.tracks.map(({ readyState }) => readyState)), ["ended", "ended"]));
  await side.page.context().close();
  await page.context().close();
  daemon.close();
});

test("nine people in motion: what the page costs; what the daemon tells starts nothing anew", async () => {
  const others = Array.from({ length: 8 }, (_, n) => member(n + 1, `Person ${n + 1}`, { streams: STREAMS }));
  const daemon = await fakeDaemon(freshState({ meeting: meeting({ members: [alice, ...others] }) }));
  const side = await open(chrome, daemon.url.replace(/#.*/, ""));
  daemon.answers.set("/whip", async (sdp) => [201, (await answer(side.page, { id: "camera", sdp, want: [] })).sdp]);
  daemon.answers.set("/api/receive", async (offer) => [200, await answer(side.page, offer)]);
  const { page } = await open(chrome, daemon.url, { viewport: { width: 1440, height: 900 } });
  for (const { name } of others) await moves(page, name, 3);
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  const script = async () => {
    const { metrics } = await client.send("Performance.getMetrics");
    const of = (name) => metrics.find((one) => one.name === name)?.value ?? 0;
    return { at: of("Timestamp"), task: of("TaskDuration"), script: of("ScriptDuration") };
  };
  const before = await script();
  await moves(page, "Person 8", 60);
  const now = await script();
  const share = (name) => `${(100 * (now[name] - before[name]) / (now.at - before.at)).toFixed(1)} %`;
  console.log(`nine tiles in motion: the page's thread is busy ${share("task")} of the time, ${share("script")} of it in scripts`);
  assert.equal(await page.getByRole("article").count(), 9);
  await page.screenshot({ path: `${SHOTS}/grid-9-moving.png` });

  // An element that begins anew says that it was emptied; the daemon tells its state several times a second.
  await page.evaluate(() => {
    globalThis.emptied = [];
    document.addEventListener("emptied", ({ target }) => globalThis.emptied.push(target.tagName), true);
  });
  for (const title of ["Budget", "Plans", "Goodbye"]) {
    daemon.show({ meeting: { ...daemon.state.meeting, title } });
    await page.getByRole("heading", { name: title }).waitFor();
  }
  await moves(page, "Person 8", 3);
  assert.deepEqual(await page.evaluate(() => globalThis.emptied), []);
  await side.page.context().close();
  await page.context().close();
  daemon.close();
});

/** Devices that are there, busy, forbidden, pulled out; what the person wants off at the start. */
import assert from "node:assert/strict";
import { crowd, meeting } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage } from "./on-page.js";

const WAITS = { meeting: meeting({ role: "guest", phase: "waiting", invite: null, members: [], me: null, phase_text: "Bob decides." }) };
const FOUND = [200, {
  mid: "12", title: "Weekly", proof_height: 7, leader: { user: "aa", name: "Bob", fingerprint: "1" },
  checks: [{ name: "meeting", ok: true, text: "The meeting is open." }],
}];

/** Goes to the preview of a link. */
async function preview(page, daemon) {
  daemon.answers.set("/api/invite", FOUND);
  await button(page, "Join with a link").click();
  await page.getByRole("textbox", { name: "Invite link" }).fill("conclave:j/1#x");
  await button(page, "Check the link").click();
  await page.getByText("The meeting is open.").waitFor();
}

/** Devices fail from now on, each kind in its own way; counts what is asked for. */
const failing = (page, audio, video) => page.evaluate(([audio, video]) => {
  const real = globalThis.realDevices ??= navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  globalThis.asked = [];
  navigator.mediaDevices.getUserMedia = (wish) => {
    globalThis.asked.push(Object.keys(wish).sort().join());
    const name = wish.audio && audio || wish.video && video;
    return name ? Promise.reject(new DOMException("", name)) : real(wish);
  };
}, [audio, video]);

for (const [audio, video, words] of [
  ["", "NotAllowedError", ["The browser does not let this page use the camera."]],
  ["", "NotReadableError", ["Another program uses the camera."]],
  ["NotFoundError", "", ["There is no microphone. Plug one in, then unmute"]],
  ["NotAllowedError", "NotAllowedError", ["does not let this page use the microphone", "does not let this page use the camera"]],
  ["NotReadableError", "NotFoundError", ["Another program uses the microphone.", "There is no camera."]],
]) {
  onPage(`microphone ${audio || "good"}, camera ${video || "good"}: said in plain words`, {}, async (page, daemon) => {
    await failing(page, audio, video);
    await preview(page, daemon);
    for (const text of words) await page.getByRole("alert").getByText(text).waitFor();
    // What is not broken works.
    await button(page, audio ? "Unmute" : "Mute").waitFor();
    await button(page, video ? "Camera on" : "Camera off").waitFor();
    // Another try says the same, and helps once the cause is gone.
    if (!video) return;
    await failing(page, audio, "");
    await button(page, "Camera on").click();
    await button(page, "Camera off").waitFor();
    await page.getByRole("alert").waitFor({ state: "detached" });
  });
}

onPage("who wants camera and microphone off at the start is not even asked for them", {}, async (page, daemon) => {
  await button(page, "Settings").click();
  await page.getByRole("checkbox", { name: "Start with the camera off" }).check();
  await page.getByRole("checkbox", { name: "Start with the microphone off" }).check();
  await page.keyboard.press("Escape");
  await page.reload();
  await failing(page, "", "");
  await preview(page, daemon);
  await page.getByText("You will be muted. You will not be seen.").waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.asked), []);
  await button(page, "Unmute").click();
  await button(page, "Mute").waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.asked), ["audio"]);
  await button(page, "Camera on").click();
  await page.getByText("You will be heard. You will be seen.").waitFor();
});

onPage("the meter of the microphone moves", {}, async (page, daemon) => {
  await preview(page, daemon);
  const meter = page.getByRole("meter", { name: "Microphone level" });
  await eventually(async () => assert.ok(await meter.evaluate(({ value }) => value) > 0.05, "the made-up microphone beeps"));
});

onPage("devices are chosen, plugged in and pulled out", WAITS, async (page) => {
  await button(page, "Mute").waitFor();
  await page.getByText("Camera, microphone, loudspeaker").click();
  const cameras = page.getByRole("combobox", { name: "Camera" });
  await eventually(async () => assert.ok(await cameras.locator("option").count() >= 2));
  await page.evaluate(() => {
    const real = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    navigator.mediaDevices.enumerateDevices = async () => [...await real(), { kind: "videoinput", deviceId: "new", label: "Camera of a phone" }];
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  await cameras.getByText("Camera of a phone").waitFor({ state: "attached" });
  // The newest track, while it lives.
  const live = () => page.evaluate(() => {
    const track = document.querySelector("video").srcObject?.getVideoTracks()[0];
    return track?.readyState === "live" ? track.id : undefined;
  });
  const before = await live();
  await cameras.selectOption({ label: "Camera of a phone" });
  await eventually(async () => assert.equal(await page.evaluate(() => JSON.parse(localStorage.settings).camera), "new"));
  await button(page, "Camera off").waitFor();
  await eventually(async () => assert.ok(![before, undefined].includes(await live())));
  // Pulled out: its track ends.
  await page.evaluate(() => {
    const [track] = document.querySelector("video").srcObject.getVideoTracks();
    track.stop();
    track.dispatchEvent(new Event("ended"));
  });
  await page.getByRole("alert").getByText("The camera was unplugged. Another one is used.").waitFor();
  await eventually(async () => assert.ok(await live()));
});

onPage("what is behind a person is blurred where the camera can", WAITS, async (page) => {
  await button(page, "Camera off").waitFor();
  await page.getByText("Camera, microphone, loudspeaker").click();
  const box = page.getByRole("checkbox", { name: "Blur what is behind me" });
  assert.equal(await box.count(), 0, "this one cannot");
  await page.evaluate(() => {
    const { prototype } = MediaStreamTrack;
    globalThis.blurred = [];
    let on = false;
    prototype.getCapabilities = () => ({ backgroundBlur: [false, true] });
    prototype.applyConstraints = async ({ backgroundBlur }) => { globalThis.blurred.push(backgroundBlur); on = backgroundBlur; };
    const real = prototype.getSettings;
    prototype.getSettings = function settings() { return { ...real.call(this), backgroundBlur: on }; };
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  await box.check();
  await eventually(async () => assert.deepEqual(await page.evaluate(() => globalThis.blurred), [true]));
  await eventually(async () => assert.ok(await box.isChecked()));
});

onPage("everyone is heard through the chosen loudspeaker", { meeting: crowd(3) }, async (page) => {
  await page.evaluate(() => {
    globalThis.through = [];
    HTMLMediaElement.prototype.setSinkId = async function set(id) { globalThis.through.push(id); };
    navigator.mediaDevices.enumerateDevices = async () => [{ kind: "audiooutput", deviceId: "desk", label: "Desk" }];
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  await button(page, "More").click();
  await button(page, "Camera, microphone, loudspeaker").click();
  await page.getByRole("combobox", { name: "Loudspeaker" }).selectOption({ label: "Desk" });
  await eventually(async () => assert.deepEqual([...new Set(await page.evaluate(() => globalThis.through))], ["desk"]));
});

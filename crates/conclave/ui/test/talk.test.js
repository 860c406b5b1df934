/** Hands, wishes, files, chat, recording and the shield, before a daemon that is made up. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { CHECKS, anchors, crowd, file, freshState, lobbyist, meeting, member, met } from "./fake-daemon.js";
import { button, eventually, tile } from "./helpers.js";
import { onPage, sent } from "./on-page.js";
import { shot } from "./shots.js";

const ALICE = member(0, "Alice Martin", { me: true, leader: true, link: "self" });
const BOB = member(1, "Bob Okafor", { met: met() });
const TALK = meeting({ me: null, members: [ALICE, BOB] });
const talk = (change) => ({ meeting: { ...TALK, ...change } });
const panel = (page, name) => page.getByRole("complementary", { name });
const NOW = 1_790_000_000_000;

onPage("a hand is raised and lowered, others' hands come first", talk({}), async (page, daemon) => {
  await button(page, "Hand").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/hand"), [{ up: true }]));
  daemon.show(talk({ members: [{ ...ALICE, hand_ms: NOW }, BOB] }));
  await page.getByRole("button", { name: "Hand", pressed: true }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/hand"), [{ up: true }, { up: false }]));
  daemon.show(talk({ members: [ALICE, { ...BOB, hand_ms: NOW }] }));
  await tile(page, "Bob Okafor").getByText("Hand raised").waitFor({ state: "attached" });
  await page.getByRole("status").getByText("Bob Okafor raised a hand").waitFor({ state: "attached" });
  await button(page, "People").click();
  assert.equal(await panel(page, "People").getByRole("listitem").first().getAttribute("aria-label"), "Bob Okafor");
});

onPage("a reaction is sent by its picture, and seen with a name", talk({}), async (page, daemon) => {
  await button(page, "React").click();
  await page.getByRole("group", { name: "Reactions" }).getByRole("button", { name: "🎉" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/react"), [{ emoji: "🎉" }]));
  daemon.show(talk({ reactions: [{ id: "1", idx: 1, name: "Bob Okafor", emoji: "👏", at_ms: NOW }] }));
  await page.getByRole("log", { name: "Reactions" }).getByText("Bob Okafor").waitFor();
});

onPage("one is asked to be quiet or to speak, all are asked to be quiet", talk({
  members: [ALICE, { ...BOB, streams: [{ stream_no: 0, kind: "audio", live: true }] }, member(2, "Carla Ruiz")],
}), async (page, daemon) => {
  await button(page, "People").click();
  const all = [];
  for (const [name, asked] of [
    ["Ask to be quiet: Bob Okafor", { idx: 1, what: "mute" }],
    ["Ask to speak: Carla Ruiz", { idx: 2, what: "unmute" }],
    ["Ask all to be quiet", { idx: null, what: "mute" }],
  ]) {
    await button(page, name).click();
    all.push(asked);
    await eventually(() => assert.deepEqual(sent(daemon, "/api/ask"), all));
  }
});

onPage("asked to be quiet the microphone is off at once, and it is said who asked", talk({}), async (page, daemon) => {
  await button(page, "Mute").waitFor();
  daemon.show(talk({ asked: [{ id: "7", idx: 1, name: "Bob Okafor", what: "mute", at_ms: NOW }] }));
  await button(page, "Unmute").waitFor();
  await page.getByText("Bob Okafor asked you to be quiet: your microphone is off.").waitFor();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/asked"), [{ id: "7" }]));
  daemon.show(talk({ asked: [{ id: "8", idx: 1, name: "Bob Okafor", what: "camera-off", at_ms: NOW }] }));
  await button(page, "Camera on").waitFor();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/asked"), [{ id: "7" }, { id: "8" }]));
});

onPage("asked to speak nothing is switched on before the person says so", talk({}), async (page, daemon) => {
  await button(page, "Mute").click();
  const asked = (id) => talk({ asked: [{ id, idx: 1, name: "Bob Okafor", what: "unmute", at_ms: NOW }] });
  daemon.show(asked("1"));
  const question = page.getByRole("alert").filter({ hasText: "Bob Okafor asks you to speak." });
  await question.waitFor();
  assert.ok(await button(page, "Unmute").isVisible(), "the microphone stays off");
  assert.deepEqual(sent(daemon, "/api/asked"), []);
  await question.getByRole("button", { name: "Stay muted" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/asked"), [{ id: "1" }]));
  assert.ok(await button(page, "Unmute").isVisible());
  daemon.show(asked("2"));
  await question.getByRole("button", { name: "Unmute me" }).click();
  await button(page, "Mute").waitFor();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/asked"), [{ id: "1" }, { id: "2" }]));
});

onPage("files are sent by button and by drop, taken, and saved", talk({
  files: [file("a", "agenda.pdf"), file("b", "photo.jpg", { state: "here" })],
}), async (page, daemon) => {
  daemon.answers.set("/api/file/b", [200, "the bytes of a photo"]);
  await button(page, "More").click();
  await button(page, "Files").click();
  await page.getByLabel("Send files").setInputFiles({ name: "minutes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
  await eventually(() => assert.deepEqual(sent(daemon, "/api/file"), ["hello"]));
  await button(page, "Chat").click();
  await page.getByRole("main").evaluate((room) => {
    const data = new DataTransfer();
    data.items.add(new File(["dropped"], "notes.md"));
    room.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
  });
  await panel(page, "Files").waitFor();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/file"), ["hello", "dropped"]));
  await button(page, "Take agenda.pdf").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/file/take"), [{ id: "a" }]));
  const saved = page.waitForEvent("download");
  await button(page, "Save photo.jpg").click();
  assert.equal((await saved).suggestedFilename(), "photo.jpg");
  assert.equal(await readFile(await (await saved).path(), "utf8"), "the bytes of a photo");
  await page.getByLabel("Send files").evaluate((field) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(64 * 1024 * 1024 + 1)], "film.mkv"));
    field.files = data.files;
    field.dispatchEvent(new Event("change"));
  });
  await page.getByText("film.mkv is larger than 64 MB.").waitFor();
  assert.equal(sent(daemon, "/api/file").length, 2);
});

onPage("addresses in the chat are links that say where they lead", talk({
  chat: [{ id: "1", idx: 1, name: "Bob Okafor", text: "read https://example.org/a and javascript:alert(1)", at_ms: NOW, me: false }],
}), async (page) => {
  await button(page, "Chat").click();
  const links = page.getByRole("log", { name: "Messages" }).getByRole("link");
  assert.equal(await links.count(), 1);
  assert.deepEqual(await links.evaluate(({ href, rel, target }) => [href, rel, target]),
    ["https://example.org/a", "noopener noreferrer", "_blank"]);
  await page.getByText("(example.org)").waitFor();
});

onPage("a recording is told to all before it begins, and plays as WebM", talk({}), async (page, daemon) => {
  await page.evaluate(() => {
    delete globalThis.showSaveFilePicker;
    globalThis.chunks = 0;
    const { start } = MediaRecorder.prototype;
    MediaRecorder.prototype.start = function begin(slice) {
      this.addEventListener("dataavailable", () => { globalThis.chunks += 1; });
      start.call(this, slice);
    };
  });
  await button(page, "More").click();
  daemon.answers.set("/api/record", [409, { error: "the others cannot be told", next: "wait for the connection" }]);
  await button(page, "Record").click();
  await page.getByRole("alert").getByText("The others cannot be told.").waitFor();
  assert.equal(await button(page, "Stop recording").count(), 0);
  daemon.answers.delete("/api/record");
  await button(page, "Record").click();
  await tile(page, "Alice Martin").getByText("records").waitFor();
  // The second chunk is there: more than a second was recorded.
  await page.waitForFunction(() => globalThis.chunks >= 2);
  const saved = page.waitForEvent("download");
  await button(page, "Stop recording").click();
  const film = await saved;
  assert.match(film.suggestedFilename(), /^Weekly review \d{4}-\d\d-\d\d\.webm$/);
  const bytes = await readFile(await film.path());
  assert.equal(bytes.readUInt32BE(0), 0x1a45dfa3, "it is WebM");
  const length = await page.evaluate(async (base64) => {
    const video = document.createElement("video");
    video.muted = true;
    video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type: "video/webm" }));
    await video.play();
    await new Promise((resolve) => { video.onended = resolve; });
    return [video.currentTime, video.videoWidth, video.videoHeight];
  }, bytes.toString("base64"));
  assert.ok(length[0] > 1, `${length[0]} s`);
  assert.deepEqual(length.slice(1), [1280, 720]);
  assert.deepEqual(sent(daemon, "/api/record"), [{ on: true }, { on: true }, { on: false }]);
});

onPage("a disk that is full ends the recording in plain words", talk({}), async (page, daemon) => {
  await page.evaluate(() => {
    globalThis.showSaveFilePicker = async () => ({ createWritable: async () => ({
      write: () => Promise.reject(new DOMException("full", "QuotaExceededError")), close: async () => undefined,
    }) });
  });
  await button(page, "More").click();
  await button(page, "Record").click();
  await page.getByText("The recording stopped: the file could not be written.").waitFor();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/record"), [{ on: true }, { on: false }]));
  await button(page, "Record").waitFor();
});

onPage("who is let in without being asked is a choice, and known people come in together", talk({
  policy: { admit: "ask" },
  lobby: [lobbyist(5, "Dan", { facts: [...lobbyist(5, "").facts, met()] }), lobbyist(6, "D\u0430n", { user: "ab".repeat(32) })],
}), async (page, daemon) => {
  await button(page, "Admit all I know").click();
  await eventually(() => assert.equal(sent(daemon, "/api/admit-known").length, 1));
  await page.getByRole("listitem", { name: "D\u0430n" }).getByText("Looks like the name of somebody else.").waitFor();
  await button(page, "People").click();
  await page.getByRole("combobox", { name: "Who comes in without being asked about" }).selectOption("met");
  await eventually(() => assert.deepEqual(sent(daemon, "/api/policy"), [{ admit: "met" }]));
});

onPage("people are shown with their handles, and who only looks like one of them is pointed out", talk({
  members: [ALICE, { ...BOB, handle: "bob" }, member(2, "Carla Ruiz", { handle: "b0b", met: met(), user: "cd".repeat(32) })],
  lobby: [lobbyist(5, "Dan", { handle: "dan.w" }), lobbyist(6, "B\u043Eb", { user: "ab".repeat(32) })],
}), async (page) => {
  await button(page, "People").click();
  const inside = (name) => panel(page, "People").getByRole("listitem", { name });
  await inside("Bob Okafor").getByText("@bob").waitFor();
  for (const name of ["Bob Okafor", "Carla Ruiz"]) await inside(name).getByText("Looks like the name of somebody else.").waitFor();
  assert.equal(await inside("Alice Martin").getByText("Looks like").count(), 0);
  const asks = (name) => page.getByRole("region", { name: "Lobby" }).getByRole("listitem", { name, exact: true });
  await asks("Dan").getByText("@dan.w").waitFor();
  assert.equal(await asks("Dan").getByText("Looks like").count(), 0);
  await asks("B\u043Eb").getByText("Looks like the name of somebody else.").waitFor();
  await shot(page, "people-handles");
});

onPage("a tile without a key says whose it is and since when, and heals", talk({
  members: [ALICE, { ...BOB, key: "problem", key_text: "no key for epoch 17 from Bob Okafor since 1.2 s, asking Carla" }],
}), async (page, daemon) => {
  await tile(page, "Bob Okafor").getByText("Cannot decrypt yet.").waitFor();
  await tile(page, "Bob Okafor").getByText("no key for epoch 17 from Bob Okafor since 1.2 s, asking Carla").waitFor();
  daemon.show(talk({}));
  await tile(page, "Bob Okafor").getByText("Cannot decrypt yet.").waitFor({ state: "detached" });
});

onPage("the shield has three states and says why; behind it stand anchors and outsiders", {
  ...talk({}), anchors: anchors(),
}, async (page, daemon) => {
  await button(page, "Everyone verified").click();
  const behind = panel(page, "Security");
  await behind.getByText("You met everyone here before").waitFor();
  await behind.getByText("block 1180, 24 blocks ago").waitFor();
  await behind.getByText("The anchor is six blocks deep.").waitFor();
  await behind.getByText("Nothing that is said or shown.").waitFor();
  daemon.show(talk({ members: [ALICE, BOB, member(2, "Carla Ruiz")] }));
  await button(page, "Someone new").waitFor();
  await behind.getByText("You meet Carla Ruiz for the first time").waitFor();
  daemon.show(talk({ members: [ALICE, BOB, member(2, "Carla Ruiz", { met: met(false) })], sealed: true }));
  await button(page, "Something is wrong").waitFor();
  await behind.getByText("Not who: the meeting is sealed.").waitFor();
});

onPage("a face is kept large from its tile and from the list, and everybody stays in sight", { meeting: crowd(9) }, async (page) => {
  await button(page, "Keep Carla Ruiz large").focus();
  await page.keyboard.press("Enter");
  const size = async (name) => { const box = await tile(page, name).boundingBox(); return box.width * box.height; };
  assert.ok(await size("Carla Ruiz") > 8 * await size("Bob Okafor"));
  await button(page, "People").click();
  await page.getByRole("button", { name: "Keep large: Carla Ruiz", pressed: true }).click();
  await eventually(async () => assert.equal(await size("Carla Ruiz"), await size("Bob Okafor")));
});

onPage("the invite goes to a calendar, and as a letter to who has no Conclave", talk({}), async (page) => {
  await button(page, "Invite").click();
  await button(page, "Copy the letter").click();
  const letter = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(letter, /“Weekly review”.*conclave up.*conclave:j\/1#/s);
  await page.getByText("Plan it for later").click();
  await page.getByLabel("Day and hour").fill("2026-12-01T09:30");
  const saved = page.waitForEvent("download");
  await button(page, "Save for the calendar").click();
  const event = await saved;
  assert.equal(event.suggestedFilename(), "Weekly review.ics");
  const text = await readFile(await event.path(), "utf8");
  assert.match(text, /SUMMARY:Weekly review\r\n/);
  assert.match(text, /DTSTART:20261\d{3}T\d{6}Z\r\n/);
});

onPage("who has no Conclave gets the address of a page, if a validator shows one", {
  ...talk({ policy: { admit: "ask" } }), network: { ...freshState().network, landing: "https://a.example.org/join" },
}, async (page, daemon) => {
  await button(page, "Invite").click();
  const field = page.getByRole("textbox", { name: "Link with an explanation" });
  assert.match(await field.inputValue(), /^https:\/\/a\.example\.org\/join#j\/1\/Q2FzZXM/);
  await page.getByText("It opens a page of a.example.org, a validator of this network").waitFor();
  await shot(page, "invite-landing");
  await button(page, "Copy this link").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await field.inputValue());
  daemon.show(talk({ policy: { admit: "everyone" } }));
  await field.waitFor({ state: "detached" });
  await button(page, "Copy the letter").waitFor();
});

onPage("the connection test shows what is wrong and what to do", {}, async (page, daemon) => {
  daemon.answers.set("/api/doctor", [200, { checks: CHECKS }]);
  await button(page, "Test this computer").click();
  await page.getByText("Not everything is ready.").waitFor();
  await page.getByText("The clock of this computer is 42 s behind that of the validators.").waitFor();
  await page.getByText("Make room where Conclave keeps its data.").waitFor();
  daemon.answers.set("/api/doctor", [200, { checks: CHECKS.slice(0, 1) }]);
  await button(page, "Test again").click();
  await page.getByText("Everything is ready.").waitFor();
});

onPage("a ledger that is not heard is said at home", { network: { ...freshState().network, freshness: "stale" } }, async (page) => {
  await page.getByRole("alert").getByText("The ledger has not been heard for too long.").waitFor();
});

/** Every screen, at three sizes, by day and by night, for whoever wants to look at them. */
import assert from "node:assert/strict";
import { CHECKS, anchors, contact, crowd, file, identity, lobbyist, meeting, met } from "./fake-daemon.js";
import { button } from "./helpers.js";
import { onPage } from "./on-page.js";
import { gallery } from "./shots.js";

const NOW = 1_790_000_000_000;
const FOUND = {
  mid: "12", title: "Weekly review", proof_height: 77,
  leader: { user: "aa", name: "Bob Okafor", fingerprint: "1111 2222 3333 4444" },
  checks: [{ name: "meeting", ok: true, text: "The meeting is open." },
    { name: "leader", ok: true, text: "The leader signed the invite." }],
};
const CHAT = ["Good morning", "The agenda is at https://example.org/agenda?day=monday – two points only.", "Thank you! I read it."]
  .map((text, n) => ({ id: `${n}`, idx: n % 2, name: "Bob Okafor", text, at_ms: NOW + n * 60_000, me: n % 2 === 0 }));
const FILES = [
  file("1", "agenda.pdf"), file("2", "budget 2026.ods", { state: "receiving", done: 400_000, text: "32 of 100 parts are here" }),
  file("3", "photo.jpg", { state: "here", size: 412_000 }), file("4", "minutes.txt", { me: true, state: "sending", done: 900, size: 1200 }),
  file("5", "film.webm", { state: "failed", text: "the sender left before all of it was here" }),
];

onPage("welcome", { identity: null }, async (page) => {
  await button(page, "Create identity").waitFor();
  await gallery(page, "welcome");
});

onPage("home", { contacts: [contact("Bob", 1)] }, async (page) => {
  await button(page, "Start a meeting").waitFor();
  await gallery(page, "home");
  await button(page, "Join with a link").click();
  await button(page, "Check the link").waitFor();
  await gallery(page, "join");
});

onPage("identity", { identity: identity({ handle: "alice.m", recovery: true }), contacts: [contact("Bob", 1)] }, async (page) => {
  await button(page, "Devices and history").click();
  await gallery(page, "identity");
});

onPage("settings, keys", {}, async (page) => {
  await button(page, "Settings").click();
  await gallery(page, "settings");
  await button(page, "Close").click();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await gallery(page, "keys");
});

onPage("connection test", {}, async (page, daemon) => {
  daemon.answers.set("/api/doctor", [200, { checks: CHECKS }]);
  await button(page, "Test this computer").click();
  await page.getByText("The disk is full.").waitFor();
  await gallery(page, "doctor");
});

onPage("preview with camera and microphone", {}, async (page, daemon) => {
  daemon.answers.set("/api/invite", [200, FOUND]);
  await button(page, "Join with a link").click();
  await page.getByRole("textbox", { name: "Invite link" }).fill("conclave:j/1#x");
  await button(page, "Check the link").click();
  await page.getByText("The meeting is open.").waitFor();
  await page.getByText("Camera, microphone, loudspeaker").click();
  await page.getByRole("combobox", { name: "Camera" }).waitFor();
  await gallery(page, "preview");
});

onPage("waiting", { meeting: meeting({ role: "guest", phase: "waiting", invite: null, members: [], me: null, phase_text: "Bob decides." }) },
  async (page) => {
    await page.getByText("Bob decides.").waitFor();
    await gallery(page, "waiting");
  });

onPage("lobby", {
  meeting: crowd(3, { lobby: [
    lobbyist(15, "Dan Weber", { facts: [...lobbyist(15, "").facts, met()] }),
    lobbyist(16, "Eve Lindqvist", { facts: [...lobbyist(16, "").facts, met(false)] }),
    lobbyist(17, "B\u043Eb Okafor"),
  ] }),
}, async (page) => {
  await button(page, "Admit all I know").waitFor();
  await gallery(page, "lobby");
});

onPage("over", { meeting: meeting({ phase: "removed", ended_reason: "The leader removed you." }) }, async (page) => {
  await page.getByText("The leader removed you.").waitFor();
  await gallery(page, "over");
});

for (const count of [1, 2, 4, 9, 25]) {
  onPage(`grid of ${count}`, { meeting: crowd(count) }, async (page) => {
    await page.getByRole("article").nth(count - 1).waitFor();
    await gallery(page, `grid-${count}`);
  });
}

onPage("speaker large, and what people do", {
  meeting: crowd(9, {
    asked: [{ id: "1", idx: 1, name: "Bob Okafor", what: "unmute", at_ms: NOW }],
    reactions: [{ id: "1", idx: 1, name: "Bob Okafor", emoji: "👏", at_ms: NOW }, { id: "2", idx: 2, name: "Carla Ruiz", emoji: "🎉", at_ms: NOW }],
  }),
}, async (page) => {
  await button(page, "More").click();
  await button(page, "Speaker large").click();
  await gallery(page, "more");
  await button(page, "More").click();
  await gallery(page, "speaker");
});

onPage("panels", { anchors: anchors(), meeting: crowd(5, { chat: CHAT, files: FILES }) }, async (page) => {
  for (const [name, shot] of [["Chat", "chat"], ["People", "people"], ["Invite", "invite"], ["Everyone verified", "security"]]) {
    await page.getByRole("navigation").or(page.getByRole("banner")).getByRole("button", { name, exact: true }).click();
    await page.getByRole("complementary").waitFor();
    await gallery(page, shot);
  }
  await button(page, "Chat").click();
  await button(page, "Files").click();
  await page.getByText("32 of 100 parts are here").waitFor();
  await gallery(page, "files");
  await button(page, "More").click();
  await button(page, "Camera, microphone, loudspeaker").click();
  await page.getByRole("combobox", { name: "Microphone" }).waitFor();
  await gallery(page, "gear");
  assert.equal(await page.getByRole("complementary").count(), 1);
});

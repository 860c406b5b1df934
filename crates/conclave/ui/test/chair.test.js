/** Who leads, who may ask, and how a meeting is begun, before a daemon that is made up. */
import assert from "node:assert/strict";
import { contact, lobbyist, meeting, member } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage, sent } from "./on-page.js";
import { assertFocusSeen, shot } from "./shots.js";

// Without an own index nothing is published, so these tests need no media.
const ALICE = member(0, "Alice Martin", { leader: true, me: true, link: "self" });
const [BOB, CARLA] = [member(1, "Bob Okafor"), member(2, "Carla Ruiz")];
const LEADING = meeting({ me: null, members: [ALICE, BOB, CARLA] });
const FOLLOWING = meeting({
  me: null, role: "guest", leader: 1, term: 2, invite: null,
  members: [{ ...ALICE, leader: false }, { ...BOB, leader: true }, CARLA],
});
const people = (page) => page.getByRole("complementary", { name: "People" });
const person = (page, name) => people(page).getByRole("listitem", { name, exact: true });
const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim());
const told = (page, text) => page.getByRole("status").getByText(text).waitFor({ state: "attached" });

onPage("the leader hands over after it was said what that means", { meeting: LEADING }, async (page, daemon) => {
  await button(page, "People").click();
  const hand = button(page, "Hand over to Bob Okafor");
  await shot(page, "people-leader");
  await hand.click();
  const dialog = page.getByRole("dialog", { name: "Let \u2068Bob Okafor\u2069 lead the meeting?" });
  await dialog.getByText("You stay in the meeting.").waitFor();
  await shot(page, "hand-over");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await eventually(async () =>
    assert.ok(await hand.evaluate((one) => one === document.activeElement), "focus comes back"));
  assert.deepEqual(sent(daemon, "/api/appoint"), []);
  await hand.click();
  await dialog.getByRole("button", { name: "Hand over" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/appoint"), [{ idx: 1 }]));
  daemon.show({ meeting: FOLLOWING });
  await person(page, "Bob Okafor").getByText("leader").waitFor();
  await told(page, "Bob Okafor leads the meeting");
  for (const name of ["Kick Carla Ruiz", "Hand over to Carla Ruiz", "Lock the meeting", "End for all", "Invite"]) {
    assert.equal(await button(page, name).count(), 0, name);
  }
  await eventually(async () => assert.equal(await focused(page), "People", "focus is not lost with its button"));
});

onPage("a refused hand over is said, and the chair stays", { meeting: LEADING }, async (page, daemon) => {
  daemon.answers.set("/api/appoint", [409, { error: "the ledger stands still", next: "wait until it answers" }]);
  await button(page, "People").click();
  await button(page, "Hand over to Bob Okafor").click();
  await page.getByRole("dialog").getByRole("button", { name: "Hand over" }).click();
  await page.getByRole("alert").getByText("The ledger stands still. Wait until it answers.").waitFor();
  await button(page, "Hand over to Bob Okafor").waitFor();
});

onPage("who leads no more is not asked about it", { meeting: LEADING }, async (page, daemon) => {
  await button(page, "End for all").click();
  await page.getByRole("dialog", { name: "End the meeting for everyone?" }).waitFor();
  daemon.show({ meeting: FOLLOWING });
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

onPage("members vote for another leader", { meeting: FOLLOWING }, async (page, daemon) => {
  await button(page, "People").click();
  assert.equal(await button(page, "Vote to lead: Bob Okafor").count(), 0, "Bob leads already");
  let answer;
  daemon.answers.set("/api/vote", () => new Promise((resolve) => { answer = () => resolve([200, {}]); }));
  await button(page, "Vote to lead: Carla Ruiz").click();
  await eventually(async () => assert.ok(await button(page, "Vote to lead: Carla Ruiz").isDisabled()));
  await eventually(() => answer());
  await told(page, "Your vote is on the ledger");
  daemon.answers.delete("/api/vote");
  await button(page, "Vote to lead: Alice Martin").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/vote"), [{ idx: 2 }, { idx: 0 }]));
  const [alice, bob, carla] = FOLLOWING.members;
  daemon.show({ meeting: { ...FOLLOWING, members: [{ ...alice, votes: 1 }, bob, { ...carla, votes: 2 }] } });
  await person(page, "Carla Ruiz").getByText("2 people want them to lead.").waitFor();
  await person(page, "Alice Martin").getByText("1 person wants you to lead.").waitFor();
  await shot(page, "votes");
  daemon.show({ meeting: { ...LEADING, term: 3 } });
  await told(page, "You lead the meeting");
  await button(page, "Hand over to Carla Ruiz").waitFor();
});

onPage("the leader locks and unlocks the door", { meeting: LEADING }, async (page, daemon) => {
  await button(page, "People").click();
  await button(page, "Lock the meeting").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/lock"), [{ locked: true }]));
  daemon.show({ meeting: { ...LEADING, locked: true } });
  await told(page, "The meeting is locked");
  await people(page).getByText("Locked: nobody new can ask to come in.").waitFor();
  await shot(page, "locked");
  await button(page, "Invite").click();
  await page.getByText("The meeting is locked: nobody new can ask to come in.").waitFor();
  await button(page, "People").click();
  await button(page, "Unlock the meeting").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/lock"), [{ locked: true }, { locked: false }]));
  daemon.show({ meeting: LEADING });
  await told(page, "The meeting is open");
  await button(page, "Lock the meeting").waitFor();
});

onPage("a member sees that the door is locked, and cannot open it", {
  meeting: { ...FOLLOWING, locked: true },
}, async (page) => {
  await button(page, "People").click();
  await people(page).getByText("Locked: nobody new can ask to come in.").waitFor();
  assert.equal(await page.getByRole("button", { name: /ock the meeting/ }).count(), 0);
});

onPage("a meeting is begun as its two boxes say", {}, async (page, daemon) => {
  const auto = page.getByRole("checkbox", { name: "Let in whoever holds the invite" });
  const sealed = page.getByRole("checkbox", { name: "Keep from the ledger who joins" });
  assert.deepEqual([await auto.isChecked(), await sealed.isChecked()], [false, false]);
  const refused = [409, { error: "the ledger stands still", next: "wait until it answers" }];
  daemon.answers.set("/api/meetings", refused);
  const start = async (title) => {
    await page.getByRole("textbox", { name: "Title" }).fill(title);
    await button(page, "Start a meeting").click();
    await eventually(() => assert.equal(sent(daemon, "/api/meetings").at(-1)?.title, title));
    await button(page, "Start a meeting").waitFor();
  };
  await auto.check();
  await start("open");
  // What was chosen survives a refusal.
  assert.ok(await auto.isChecked());
  await page.getByText("Keep from the ledger who joins").click();
  await shot(page, "start");
  await start("both");
  await auto.uncheck();
  await start("sealed");
  await sealed.press("Space");
  await start("plain");
  assert.deepEqual(sent(daemon, "/api/meetings"), [
    { title: "open", auto_admit: true }, { title: "both", auto_admit: true, sealed: true },
    { title: "sealed", sealed: true }, { title: "plain" },
  ]);
});

onPage("in a sealed meeting one sees that it is, and who is hidden", {
  meeting: { ...LEADING, sealed: true, members: [ALICE, { ...BOB, hidden: true }] }, contacts: [contact("Bob", 1)],
}, async (page) => {
  await button(page, "People").click();
  await people(page).getByText("Sealed: the ledger does not see who joins.").waitFor();
  await person(page, "Bob Okafor").getByText("hidden from the ledger").waitFor();
  assert.equal(await person(page, "Alice Martin").getByText("hidden from the ledger").count(), 0);
  await shot(page, "sealed");
});

for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 844 }]) {
  onPage(`the keyboard's place is seen everywhere, ${viewport.width} pixels wide`, {}, async (page, daemon) => {
    await button(page, "Start a meeting").waitFor();
    assert.ok(await assertFocusSeen(page) >= 6, "at home");
    await button(page, "Your identity: Alice Martin").click();
    await page.getByText("Change your name").click();
    assert.ok(await assertFocusSeen(page) >= 12, "beside the identity");
    daemon.show({ meeting: { ...LEADING, lobby: [lobbyist(5, "Dan")] } });
    await button(page, "Admit").waitFor();
    assert.ok(await assertFocusSeen(page) >= 10, "in the lobby");
    daemon.show({ meeting: LEADING });
    await button(page, "People").click();
    assert.ok(await assertFocusSeen(page) >= 16, "beside the people");
  }, viewport);
}

/**
 * A whole meeting of four as people have it, from the first screen to the last: validators, daemons
 * and pages are real, only cameras and microphones are made up. Everything is found as a person
 * finds it; what the page says at each step is looked at by axe and photographed.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { open } from "./browser.js";
import { button, chat, createIdentity, eventually, moves, reloads, startMeeting, tile } from "./helpers.js";
import { DESK, TITLE, area, close, codesOf, look, plays, ratio, sees, shot, show } from "./walk.js";
import { onStage } from "./world.js";

/** Of the pages that are not photographed at the moment, for two cores draw them all. */
const SMALL = { width: 800, height: 600 };

const stage = onStage("walk", ["A", "B", "C"]);

test("four people walk through a meeting and everything that is in it", async (t) => {
  const began = Date.now();
  /** @param {string} text */
  const say = (text) => t.diagnostic(`${((Date.now() - began) / 1000).toFixed(1)} s: ${text}`);

  say("Conclave opens, and each makes an identity");
  const alice = await enter("Alice Martin", 0);
  await alice.page.getByRole("textbox", { name: "Your name" }).waitFor();
  await shot(alice, "welcome");
  const [bob, carla, dan] = await Promise.all([enter("Bob Okafor", 1), enter("Carla Ruiz", 2), enter("Dan Weber", 2)]);
  const all = [alice, bob, carla, dan];
  await Promise.all(all.map(({ name, page }) => createIdentity(page, name)));
  await shot(alice, "home");

  say("Alice starts a meeting; the invite explains itself to who has no Conclave");
  await startMeeting(alice.page, TITLE);
  await show(alice, "Invite");
  let link = "";
  // It is another one as soon as her device has another address.
  await eventually(async () => {
    await button(alice.page, "Copy the letter").click();
    link = await alice.page.getByRole("textbox", { name: "Link of this meeting" }).inputValue();
    const letter = await alice.page.evaluate(() => navigator.clipboard.readText());
    assert.ok(letter.includes(TITLE) && letter.includes("conclave up") && letter.includes(link), letter);
  });
  await shot(alice, "invite");
  await close(alice, "Invite");

  say("Bob and Carla see what the link leads to and how they look, and ask");
  await look(bob, link);
  await bob.page.getByRole("meter", { name: "Microphone level" }).waitFor();
  await shot(bob, "preview");
  await look(carla, link);
  await button(carla.page, "Camera off").click();
  await carla.page.getByText("You will be heard. You will not be seen.").waitFor();
  for (const { page } of [bob, carla]) await button(page, "Ask to come in").click();

  say("each is admitted by a person who sees what is known of them");
  const lobby = alice.page.getByRole("region", { name: "Lobby" });
  const asks = (/** @type {import("./walk.js").Person} */ { name }) => lobby.getByRole("listitem", { name, exact: true });
  for (const one of [bob, carla]) await asks(one).getByText("You have not met before").waitFor();
  await shot(alice, "lobby");
  await asks(bob).getByRole("button", { name: "Admit", exact: true }).click();
  await asks(bob).waitFor({ state: "detached" });
  await asks(carla).getByRole("button", { name: "Admit", exact: true }).click();
  await moves(alice.page, bob.name);
  await tile(alice.page, carla.name).getByText("Camera off").waitFor();

  say("they go out and come again: now Alice knows them, and says so once for both");
  for (const { name, page } of [bob, carla]) {
    await button(page, "Leave").click();
    await page.getByRole("heading", { name: "You left the meeting" }).waitFor();
    await button(page, "Done").click();
    await tile(alice.page, name).waitFor({ state: "detached" });
  }
  for (const one of [bob, carla]) {
    await look(one, link);
    await button(one.page, "Ask to come in").click();
  }
  for (const one of [bob, carla]) await asks(one).getByText(/^You met before, first .*with the same key/).waitFor();
  await shot(alice, "lobby-known");
  await button(alice.page, "Admit all I know").click();
  await sees([alice, bob, carla]);

  say("whom Alice knows comes in without being asked about; Dan waits");
  const people = await show(alice, "People");
  const rule = people.getByRole("combobox", { name: "Who comes in without being asked about" });
  await Promise.all([alice.page.waitForResponse("**/api/policy"), rule.selectOption("met")]);
  await button(bob.page, "Leave").click();
  await button(bob.page, "Done").click();
  await tile(alice.page, bob.name).waitFor({ state: "detached" });
  for (const one of [dan, bob]) {
    await look(one, link);
    await button(one.page, "Ask to come in").click();
  }
  await asks(dan).getByText("You have not met before").waitFor();
  await sees([alice, bob, carla]);
  assert.ok(await asks(dan).isVisible(), "nobody whom she does not know was let in");
  await shot(alice, "lobby-met");

  say("from now on the invite is enough: Dan is in and nobody was asked");
  await rule.selectOption("everyone");
  await asks(dan).waitFor({ state: "detached" });
  await sees(all);
  await close(alice, "People");
  await shot(alice, "meeting");

  say("all alike, the speaker large, one kept large");
  const more = await show(alice, "More");
  assert.ok(await ratio(alice) < 1.05, "all are alike");
  await button(alice.page, "Speaker large").click();
  await eventually(async () => assert.ok(await ratio(alice) > 3, "one is large"));
  await shot(alice, "speaker");
  await button(alice.page, `Keep ${carla.name} large`).click();
  await eventually(async () => assert.ok(await area(alice, carla.name) > 3 * await area(alice, bob.name), "it is Carla"));
  await button(alice.page, `Keep ${carla.name} large`).click();
  await more.getByRole("button", { name: "All alike" }).click();
  await eventually(async () => assert.ok(await ratio(alice) < 1.05, "all are alike"));

  say("Dan raises his hand, Carla applauds");
  await button(dan.page, "Hand").click();
  await button(carla.page, "React").click();
  await carla.page.getByRole("group", { name: "Reactions" }).getByRole("button", { name: "👏" }).click();
  await Promise.all([alice, bob].map(async ({ page }) => {
    await page.getByRole("log", { name: "Reactions" }).getByText(carla.name).waitFor();
    await tile(page, dan.name).getByText("Hand raised").waitFor({ state: "attached" });
  }));
  await show(alice, "People");
  assert.equal(await people.getByRole("listitem").first().getAttribute("aria-label"), dan.name, "hands come first");
  await shot(alice, "hand");
  await button(dan.page, "Hand").click();
  await tile(alice.page, dan.name).getByText("Hand raised").waitFor({ state: "detached" });

  say("a line with an address is read by all");
  await chat(bob.page, "The figures are at https://example.org/figures?month=11");
  for (const one of [alice, carla, dan]) {
    await show(one, "Chat");
    const address = one.page.getByRole("log", { name: "Messages" }).getByRole("link");
    assert.equal(await address.getAttribute("href"), "https://example.org/figures?month=11");
  }
  await shot(alice, "chat");

  say("Bob is asked to be quiet, and is; asked to speak, he decides");
  await show(alice, "People");
  await button(alice.page, `Ask to be quiet: ${bob.name}`).click();
  await bob.page.getByText(`${alice.name} asked you to be quiet: your microphone is off.`).waitFor();
  await button(bob.page, "Unmute").waitFor();
  await tile(alice.page, bob.name).getByText("Muted").waitFor({ state: "attached" });
  await button(alice.page, `Ask to speak: ${bob.name}`).click();
  const question = bob.page.getByRole("alert").filter({ hasText: `${alice.name} asks you to speak.` });
  await question.waitFor();
  assert.ok(await button(bob.page, "Unmute").isVisible(), "nothing is switched on from afar");
  await shot(bob, "asked");
  await question.getByRole("button", { name: "Unmute me" }).click();
  await button(bob.page, "Mute").waitFor();
  await question.waitFor({ state: "detached" });
  await tile(alice.page, bob.name).getByText("Muted").waitFor({ state: "detached" });

  say("Bob gives a file, Carla takes it");
  const bytes = randomBytes(1_000_000);
  await show(bob, "Chat");
  await button(bob.page, "Files").click();
  await bob.page.getByLabel("Send files").setInputFiles({ name: "figures.bin", mimeType: "application/octet-stream", buffer: bytes });
  await button(carla.page, "Files").click();
  const grows = carla.page.waitForFunction(() => {
    const bar = document.querySelector("progress");
    return bar && bar.value > 0 && bar.value < bar.max;
  });
  await button(carla.page, "Take figures.bin").click();
  await grows;
  await shot(carla, "files");
  const saved = carla.page.waitForEvent("download");
  await button(carla.page, "Save figures.bin").click();
  assert.equal((await saved).suggestedFilename(), "figures.bin");
  assert.ok(bytes.equals(await readFile(await (await saved).path())), "not a byte is another");
  await bob.page.getByText("1 fetched it").waitFor();

  say("Alice records, and everybody knows");
  await show(alice, "More");
  await button(alice.page, "Record").click();
  for (const { page } of [bob, carla, dan]) await tile(page, alice.name).getByText("records").waitFor();
  await shot(bob, "recorded");
  const film = alice.page.waitForEvent("download");
  await button(alice.page, "Stop recording").click();
  await plays(alice.page, await readFile(await (await film).path()));
  for (const { page } of [bob, carla, dan]) await tile(page, alice.name).getByText("records").waitFor({ state: "detached" });
  await close(alice, "More");

  say("Bob shows a screen, and it is large");
  await button(bob.page, "Share screen").click();
  await moves(alice.page, `Screen of ${bob.name}`, 3);
  await eventually(async () => assert.ok(await area(alice, `Screen of ${bob.name}`) > 3 * await area(alice, carla.name)));
  await shot(alice, "screen");
  await button(bob.page, "Stop sharing").click();
  await tile(alice.page, `Screen of ${bob.name}`).waitFor({ state: "detached" });

  say("behind the shield all read the same codes");
  const codes = await Promise.all([alice, dan].map(codesOf));
  assert.deepEqual(codes[0], codes[1]);
  await shot(alice, "security");

  say("the door is locked; the chair goes to Bob, and by vote to Carla");
  await show(alice, "People");
  await button(alice.page, "Lock the meeting").click();
  await button(alice.page, "Unlock the meeting").waitFor();
  await show(dan, "People");
  await dan.page.getByText("Locked: nobody new can ask to come in.").waitFor();
  await button(alice.page, `Hand over to ${bob.name}`).click();
  await alice.page.getByRole("dialog").getByRole("button", { name: "Hand over" }).click();
  await button(bob.page, "End for all").waitFor();
  await tile(alice.page, bob.name).getByText("leader").waitFor();
  await button(dan.page, `Vote to lead: ${carla.name}`).click();
  await people.getByText("1 person wants them to lead.").waitFor();
  await shot(alice, "vote");
  await button(alice.page, `Vote to lead: ${carla.name}`).click();
  await show(carla, "People");
  await button(carla.page, `Vote to lead: ${carla.name}`).click();
  await button(carla.page, "End for all").waitFor();

  say("Dan is kicked");
  await button(carla.page, `Kick ${dan.name}`).click();
  await carla.page.getByRole("dialog").getByRole("button", { name: "Kick" }).click();
  await dan.page.getByRole("heading", { name: "You were removed" }).waitFor();
  await shot(dan, "removed");
  await tile(alice.page, dan.name).waitFor({ state: "detached" });

  say("Bob opens his page anew and sees Alice");
  await reloads(bob.page, () => moves(bob.page, alice.name, 1));
  await sees([alice, bob, carla]);

  say("Carla ends the meeting");
  await button(carla.page, "End for all").click();
  await button(carla.page, "End the meeting").click();
  for (const { page } of [alice, bob, carla]) await page.getByRole("heading", { name: "The meeting has ended" }).waitFor();
  await shot(alice, "over");
  for (const { complaints, name } of all) assert.deepEqual(complaints, [], name);
  say("everybody is out");
  stage.passed = true;
});

/**
 * Somebody starts Conclave.
 *
 * @param {string} name
 * @param {number} chrome
 * @returns {Promise<import("./walk.js").Person>}
 */
async function enter(name, chrome) {
  const { url } = await stage.world.daemon(name.split(" ")[0].toLowerCase());
  const viewport = chrome === 0 ? DESK : SMALL;
  const { page, complaints } = await open(stage.browsers[chrome], url, { viewport, colorScheme: "light" }, async (page) => {
    // Without a chooser of files, which no test can press, the browser keeps what is recorded.
    await page.addInitScript(() => {
      delete /** @type {any} */ (globalThis).showSaveFilePicker;
      localStorage.setItem("video", "320x180@5");
    });
  });
  page.setDefaultTimeout(60_000);
  return { name, page, complaints };
}

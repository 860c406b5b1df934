/**
 * A whole meeting as people have it: four validators, a daemon and a page for each person, a camera
 * and a microphone that differ from the others'. No part is made up but the devices.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { assertAccessible, open } from "./browser.js";
import {
  admitAll, allClosed, button, chat, countFrames, countedFrames, createIdentity, eventually, firstFrame, inviteLink,
  join as ask, moves, packets, sounds, startMeeting, tile, tileColour,
} from "./helpers.js";
import { copiesInMemory } from "./memory.js";
import { SHOTS, onStage } from "./world.js";

/** Colour and tone of each camera, as `scripts/make-clips` makes them. */
const ALICE = { name: "Alice Martin", camera: "A", colour: [0x20, 0x50, 0x7a], hertz: 330 };
const BOB = { name: "Bob Okafor", camera: "B", colour: [0x8a, 0x28, 0x46], hertz: 550 };
const CARLA = { name: "Carla Ruiz", camera: "C", colour: [0x3f, 0x6b, 0x1f], hertz: 770 };
/** Comes late, with Carla's browser and so with her camera. */
const DAN = { ...CARLA, name: "Dan Weber" };

/** Of the page that is photographed; the others are small, for two cores draw them all. */
const VIEW = { viewport: { width: 1280, height: 800 } };
const SMALL = { viewport: { width: 800, height: 600 } };

const stage = onStage("meeting", [ALICE, BOB, CARLA].map(({ camera }) => camera));

test("three people meet, one is kicked, a fourth comes late, the leader ends it", async (t) => {
  const began = Date.now();
  /** @param {string} text */
  const say = (text) => t.diagnostic(`${((Date.now() - began) / 1000).toFixed(1)} s: ${text}`);
  const alice = await enter(ALICE, 0, false);
  const bob = await enter(BOB, 1, true);
  const carla = await enter(CARLA, 2, true);

  say("a meeting is published, two ask to come in");
  await startMeeting(alice.page, "Monthly summary conference");
  const link = await inviteLink(alice.page);
  await ask(bob.page, link);
  await ask(carla.page, link);
  const lobby = alice.page.getByRole("region", { name: "Lobby" });
  await lobby.getByRole("button", { name: "Admit", exact: true, disabled: false }).nth(1).waitFor({ timeout: 60_000 });
  await lobby.locator("summary").first().click();
  await alice.page.screenshot({ path: join(SHOTS, "lobby.png") });
  await assertAccessible(alice.page);

  say("both are admitted; everyone sees and hears everyone");
  const firsts = [firstFrame(bob.page, ALICE.name), firstFrame(carla.page, ALICE.name)];
  const click = Date.now();
  await admitAll(alice.page, 2);
  const delays = (await Promise.all(firsts)).map((at) => at - click);
  say(`admit -> first decoded frame: ${delays.join(", ")} ms`);
  await perceive([alice, bob, carla]);
  await alice.page.screenshot({ path: join(SHOTS, "meeting.png") });
  await assertAccessible(alice.page);

  say("a line is read by both others");
  await chat(bob.page, "Before the kick");
  for (const { page } of [alice, carla]) await reads(page, "Before the kick");

  say("Bob shares a screen and stops again");
  await button(bob.page, "Share screen").click();
  await moves(alice.page, `Screen of ${BOB.name}`, 3);
  await button(bob.page, "Stop sharing").click();
  await tile(alice.page, `Screen of ${BOB.name}`).waitFor({ state: "detached" });

  say("Carla is kicked: she sees nothing more, the others lose nothing");
  await countFrames(carla.page);
  const before = [await packets(alice.page), await packets(bob.page)];
  await button(alice.page, "People").click();
  await button(alice.page, `Kick ${CARLA.name}`).click();
  await alice.page.getByRole("dialog").getByRole("button", { name: "Kick" }).click();
  await carla.page.getByText("You were removed").waitFor();
  await allClosed(carla.page);
  const seen = await countedFrames(carla.page);
  const opened = await carla.daemon.metric("packets_opened_total");
  assert.ok(seen > 0, "Carla saw pictures until then");
  await tile(bob.page, CARLA.name).waitFor({ state: "detached" });
  await perceive([alice, bob]);
  const sum = { lost: 0, received: 0 };
  for (const [n, { page }] of [alice, bob].entries()) {
    const after = await packets(page);
    for (const [stream, { lost, received }] of Object.entries(before[n])) {
      if (!after[stream]) continue;
      sum.lost += after[stream].lost - lost;
      sum.received += after[stream].received - received;
    }
  }
  say(`around the new key ${sum.lost} of ${sum.received} packets were lost`);
  assert.ok(sum.lost <= 5, "the others lose no more than 5 packets");
  assert.ok(sum.received > 100, "the others go on");
  assert.equal(await countedFrames(carla.page), seen, "Carla's page decodes nothing more");
  assert.equal(await carla.daemon.metric("packets_opened_total"), opened, "Carla's daemon opens nothing more");

  say("Dan comes late and gets only what comes after");
  const old = Math.max(...(await bob.daemon.keys()).map(({ epoch }) => epoch));
  const dan = await enter(DAN, 2, true);
  await ask(dan.page, link);
  await admitAll(alice.page, 1);
  await tile(dan.page, BOB.name).waitFor();
  await chat(alice.page, "After Dan came");
  await reads(dan.page, "After Dan came");
  assert.equal(await dan.page.getByText("Before the kick").count(), 0);
  await perceive([alice, bob, dan]);
  assert.ok((await dan.daemon.keys()).every(({ epoch }) => epoch > old), "Dan has no older key");

  say("the leader ends the meeting; no key is left anywhere");
  const keys = [];
  for (const { daemon } of [bob, carla, dan]) for (const { mk } of await daemon.keys()) keys.push(mk);
  assert.ok(copiesInMemory(alice.daemon.pid, keys) > 0, "the scan finds the key that is in use");
  await button(alice.page, "End for all").click();
  await button(alice.page, "End the meeting").click();
  for (const { page } of [alice, bob, dan]) await page.getByText("The meeting has ended").waitFor();
  for (const { daemon, name } of [alice, bob, carla, dan]) {
    assert.equal(copiesInMemory(daemon.pid, keys), 0, `${name}'s daemon holds no key any more`);
  }
  for (const { complaints, page } of [alice, bob, carla, dan]) {
    await assertAccessible(page);
    assert.deepEqual(complaints, []);
  }
  stage.passed = true;
});

/**
 * Somebody starts Conclave and makes an identity.
 *
 * @param {typeof ALICE} person
 * @param {number} chrome
 * @param {boolean} keys
 */
async function enter(person, chrome, keys) {
  const daemon = await stage.world.daemon(person.name.split(" ")[0].toLowerCase(), { keys });
  const { page, complaints } = await open(stage.browsers[chrome], daemon.url, person === ALICE ? VIEW : SMALL);
  await createIdentity(page, person.name);
  return { ...person, daemon, page, complaints };
}

/**
 * Everyone's picture moves on everyone's page in its own colour, and everyone's tone is heard.
 *
 * @param {Awaited<ReturnType<typeof enter>>[]} people
 */
async function perceive(people) {
  await Promise.all(people.map(async ({ name: me, page }) => {
    for (const { name, colour, hertz } of people.filter(({ name }) => name !== me)) {
      await moves(page, name);
      await eventually(async () => {
        const seen = await tileColour(page, name);
        assert.ok(seen.every((value, n) => Math.abs(value - colour[n]) < 24), `${me} sees ${name} as ${seen}`);
      });
      await sounds(page, name, hertz);
    }
  }));
}

/** @param {import("playwright-core").Page} page @param {string} text */
async function reads(page, text) {
  if (!await page.getByRole("textbox", { name: "Message" }).isVisible()) await button(page, "Chat").click();
  await page.getByRole("log").getByText(text).waitFor();
}

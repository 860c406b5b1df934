/** What a person does about their own identity, before a daemon that is made up. */
import assert from "node:assert/strict";
import { assertAccessible } from "./browser.js";
import { changed, contact, device, handed, identity, lobbyist, meeting, member, met } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage, sent } from "./on-page.js";

const ME = device(0, { device: "bb".repeat(32), fingerprint: "9f1c 20ab 77e0 4d21", me: true });
const PHONE = device(1);
const TWO = identity({ devices: [ME, PHONE] });
const STRANGE = changed(190, "device 1d1d1d1d was added", { by: PHONE.device, mine: false });
/** As the daemon keeps it: without who signed it. */
const UNEXPLAINED = { ...STRANGE, by: "", height: 0 };
const WARNED = identity({
  devices: [ME, PHONE], changes: [STRANGE, ...identity().changes], unexplained: [UNEXPLAINED],
});
const warning = (page) => page.getByRole("alert").filter({ hasText: "Someone changed your identity" });
const region = (page, name) => page.getByRole("region", { name, exact: true });
const enter = (page) => button(page, "Devices and history").click();
const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim());

onPage("a second device is added by a link there and a link back", { identity: TWO }, async (page, daemon) => {
  daemon.answers.set("/api/devices/offer", [200, handed("d")]);
  await enter(page);
  await button(page, "Add a device").click();
  await page.getByRole("img", { name: "QR code of the link" }).waitFor();
  await eventually(async () => assert.equal(await focused(page), "Add a device"));
  await assertAccessible(page);
  await button(page, "Copy link").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), handed("d").link);
  const answer = page.getByRole("textbox", { name: "Answer of the new device" });
  daemon.answers.set("/api/devices/add", [409, { error: "Your user has changed since.", next: "Offer the device again." }]);
  await answer.fill("conclave:a/1#old");
  await button(page, "Add the device").click();
  await page.getByRole("alert").getByText("Offer the device again.").waitFor();
  daemon.answers.set("/api/devices/add", [200, {}]);
  await answer.fill(handed("a").link);
  await button(page, "Add the device").click();
  await page.getByRole("heading", { name: "Your identity" }).waitFor();
  assert.deepEqual(sent(daemon, "/api/devices/add"), [{ link: "conclave:a/1#old" }, { link: handed("a").link }]);
  daemon.show({ identity: identity({ devices: [ME, PHONE, device(2)] }) });
  await page.getByRole("listitem", { name: "Device 2d2d2d2d" }).waitFor();
});

onPage("this computer becomes a device of somebody", { identity: null }, async (page, daemon) => {
  daemon.answers.set("/api/devices/accept", [200, handed("a")]);
  await button(page, "I have an identity already").click();
  await page.getByRole("textbox", { name: "Link from your first device" }).fill("conclave:d/1#x");
  await page.getByText("Protect the key").click();
  await assertAccessible(page);
  await page.getByRole("textbox", { name: "Passphrase" }).fill("correct horse");
  await button(page, "Make a key here").click();
  const link = page.getByRole("textbox", { name: "Link for your first device" });
  assert.equal(await link.inputValue(), handed("a").link);
  assert.deepEqual(sent(daemon, "/api/devices/accept"), [{ link: "conclave:d/1#x", passphrase: "correct horse" }]);
  // The key is there, the ledger does not have it yet: the link stays.
  daemon.show({ identity: identity({ registered: false, devices: [] }) });
  await button(page, "Your identity: Alice Martin").waitFor();
  assert.ok(await link.isVisible());
  await assertAccessible(page);
  await page.getByText("must then show 9f1c 20ab 77e0 4d21").waitFor();
  daemon.show({ identity: TWO });
  await button(page, "Start a meeting").waitFor();
});

onPage("a new device whose page was closed can show its link again", {
  identity: identity({ registered: false, devices: [], changes: [] }),
}, async (page, daemon) => {
  daemon.answers.set("/api/devices/accept", [200, handed("a")]);
  await button(page, "Paste a device link again").click();
  await page.getByRole("textbox", { name: "Link from your first device" }).fill("conclave:d/1#x");
  await button(page, "Make a key here").click();
  await page.getByRole("textbox", { name: "Link for your first device" }).waitFor();
});

onPage("a device is revoked after it was said what that means", { identity: TWO }, async (page, daemon) => {
  await enter(page);
  const revoke = button(page, "Revoke device 1d1d1d1d");
  await revoke.click();
  const dialog = page.getByRole("dialog", { name: "Revoke device 1d1d1d1d?" });
  await dialog.getByText("can never speak for you again").waitFor();
  await assertAccessible(page);
  await page.keyboard.press("Escape");
  await eventually(async () =>
    assert.ok(await revoke.evaluate((one) => one === document.activeElement), "focus comes back"));
  assert.deepEqual(sent(daemon, "/api/devices/revoke"), []);
  await revoke.click();
  await dialog.getByRole("button", { name: "Revoke the device" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/devices/revoke"), [{ device: PHONE.device }]));
  daemon.show({ identity: identity({ devices: [ME, { ...PHONE, active: false }] }) });
  await page.getByRole("listitem", { name: "Device 1d1d1d1d" }).getByText("revoked").waitFor();
  assert.equal(await revoke.count(), 0);
});

onPage("a newer device asks that an older one be revoked", {
  identity: identity({ devices: [device(0), { ...ME, seniority: 1 }] }),
}, async (page, daemon) => {
  await enter(page);
  await page.getByRole("listitem", { name: "Device 0d0d0d0d" }).getByText("older than this one").waitFor();
  await button(page, "Revoke device 0d0d0d0d").click();
  const dialog = page.getByRole("dialog", { name: "Ask to revoke device 0d0d0d0d?" });
  await dialog.getByText("until then it can call that off").waitFor();
  await dialog.getByRole("button", { name: "Ask for it" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/devices/revoke"), [{ device: device(0).device }]));
});

onPage("to revoke the last device is to give up the identity", {}, async (page, daemon) => {
  await enter(page);
  await button(page, "Revoke this device").click();
  const dialog = page.getByRole("dialog", { name: "Give up your identity?" });
  await dialog.getByRole("button", { name: "Give it up for ever" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/devices/revoke"), [{ device: ME.device }]));
});

onPage("the key is replaced with the passphrase of its file", { identity: TWO }, async (page, daemon) => {
  await enter(page);
  for (const passphrase of ["", "correct horse"]) {
    await button(page, "Replace the key of this device").click();
    const dialog = page.getByRole("dialog", { name: "Replace the key of this device?" });
    await dialog.getByRole("textbox", { name: "Passphrase, if the key has one" }).fill(passphrase);
    await dialog.getByRole("button", { name: "Replace the key" }).click();
    await dialog.waitFor({ state: "detached" });
    await button(page, "Replace the key of this device").waitFor();
  }
  await eventually(() => assert.deepEqual(sent(daemon, "/api/devices/rotate"), [{}, { passphrase: "correct horse" }]));
});

onPage("a change that was not made here is said at once, until it is known", { identity: WARNED }, async (page, daemon) => {
  const text = "Someone changed your identity on 9 November 2025: device 1d1d1d1d was added. "
    + "If that was not you, revoke the unknown device now.";
  await warning(page).getByText(text).waitFor();
  await button(page, "Look at your devices").click();
  await region(page, "History").getByText("not made here").waitFor();
  await region(page, "History").getByText("by device 1d1d1d1d").waitFor();
  await warning(page).getByRole("button", { name: "That was me" }).click();
  await eventually(() => assert.equal(sent(daemon, "/api/changes/known").length, 1));
  daemon.show({ identity: { ...WARNED, unexplained: [] } });
  await warning(page).waitFor({ state: "detached" });
  assert.equal(await page.getByText("not made here").count(), 0);
});

onPage("a change with the key of this device that was not made here is worse", {
  identity: { ...WARNED, changes: [{ ...STRANGE, by: ME.device }] },
}, async (page) => {
  await warning(page).getByText("somebody has that key").waitFor();
});

onPage("in a meeting, too, one is warned and can revoke", {
  identity: WARNED, meeting: meeting({ me: null }),
}, async (page, daemon) => {
  await warning(page).getByRole("button", { name: "Look at your devices" }).click();
  await eventually(async () => assert.equal(await focused(page), "Your identity"));
  await button(page, "Revoke device 1d1d1d1d").click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke the device" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/devices/revoke"), [{ device: PHONE.device }]));
});

onPage("a revoked device and a rewritten past are said, and nothing is begun", {
  identity: identity({ rewritten: true, devices: [{ ...ME, active: false }, PHONE] }),
}, async (page) => {
  await page.getByRole("alert").getByText("Do not trust this network").waitFor();
  await page.getByRole("alert").getByText("This device was revoked.").waitFor();
  assert.ok(await button(page, "Start a meeting").isDisabled());
  assert.ok(await button(page, "Join with a link").isDisabled());
  await enter(page);
  assert.ok(await button(page, "Add a device").isDisabled());
  assert.equal(await button(page, "Revoke device 1d1d1d1d").count(), 0);
});

const BOB = contact("Bob Okafor", 12);

onPage("people met are listed, warned of and forgotten", {
  contacts: [BOB, contact("Carla Ruiz", 0)],
  meeting: meeting({ phase: "ended", members: [member(1, "Bob", { user: BOB.user, met: met(false) })] }),
}, async (page, daemon) => {
  await button(page, "Your identity: Alice Martin").click();
  const bob = page.getByRole("listitem", { name: "Bob Okafor" });
  await bob.getByText("Met first on 3 May 2025, last on 15 May 2025").waitFor();
  await bob.getByText("Not explained. You met first 12 days ago").waitFor();
  await page.getByRole("listitem", { name: "Carla Ruiz" }).getByText("Met on 3 May 2025").waitFor();
  await button(page, "Forget Bob Okafor").click();
  await page.getByRole("dialog").getByText("Forget \u2068Bob Okafor\u2069?").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Forget" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/contacts/forget"), [{ user: BOB.user }]));
});

onPage("a hidden name is shown by a link, and another one is checked", {
  identity: identity({ info: { form: "commit", text: "Alice Martin" } }), contacts: [BOB],
}, async (page, daemon) => {
  daemon.answers.set("/api/info/disclose", [200, handed("i")]);
  const found = { user: BOB.user, ok: true, shown: "Bob Okafor", text: "this is what that user put on the ledger", proof_height: 1200 };
  daemon.answers.set("/api/info/check", [200, found]);
  await enter(page);
  await button(page, "Make the link").click();
  const link = await page.getByRole("textbox", { name: "Link that shows your name" }).inputValue();
  assert.equal(link, handed("i").link);
  const verdict = region(page, "Check a name").getByRole("status");
  await page.getByRole("textbox", { name: "Link from somebody" }).fill("conclave:i/1#x");
  await button(page, "Check").click();
  await verdict.getByText("It is Bob Okafor. You met this user on 3 May 2025.").waitFor();
  await verdict.getByText("Checked: This is what that user put on the ledger.").waitFor();
  daemon.answers.set("/api/info/check", [200, { ...found, user: "ee".repeat(32), ok: false, text: "this is NOT what that user put on the ledger" }]);
  await button(page, "Check").click();
  await verdict.getByText("It claims to be Bob Okafor. You have not met this user.").waitFor();
  await verdict.getByText("Failed: This is NOT what that user put on the ledger.").waitFor();
  assert.deepEqual(sent(daemon, "/api/info/check"), Array(2).fill({ link: "conclave:i/1#x" }));
  // It opens the name: it does not outlive the screen.
  await button(page, "Back").click();
  await enter(page);
  await button(page, "Make the link").waitFor();
});

onPage("who was met before is said at the door and in the roster", {
  meeting: meeting({
    me: null,
    members: [member(0, "Alice Martin", { me: true }), member(1, "Bob", { met: met(false) })],
    lobby: [lobbyist(5, "Dan", { facts: [...lobbyist(5, "Dan").facts, met()] }),
      lobbyist(6, "Eve", { facts: [...lobbyist(6, "Eve").facts, met(false)] }), lobbyist(7, "Fay")],
  }),
}, async (page) => {
  const asks = (name) => region(page, "Lobby").getByRole("listitem", { name, exact: true });
  await asks("Dan").getByText("You met before, first 12 days ago, with the same key.").waitFor();
  await asks("Eve").getByText("Not explained. You met first 12 days ago; their keys changed since").waitFor();
  // It is no check of the request: those have passed.
  for (const name of ["Dan", "Eve", "Fay"]) await asks(name).getByText("All 7 checks passed").waitFor();
  await page.getByRole("article", { name: "Bob" }).getByText("keys not explained").waitFor();
  await button(page, "People").click();
  await page.getByRole("complementary", { name: "People" }).getByText("Ask them over another channel").waitFor();
  await button(page, "Your devices and history").click();
  await page.getByRole("complementary", { name: "Your identity" }).getByText("History").waitFor();
});

onPage("all of it fits a phone and a thumb, whatever people are called", {
  identity: { ...WARNED, info: { form: "encrypted", text: "A".repeat(120) } },
  contacts: [contact("W".repeat(90), 3), contact("\u202Eevil <b>x</b>", 1)],
}, async (page) => {
  await button(page, "Look at your devices").click();
  await page.getByRole("heading", { name: "Your identity" }).waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(wide, 0);
  for (const one of await page.getByRole("button").or(page.getByRole("textbox")).all()) {
    const box = await one.boundingBox();
    assert.ok(box && box.height >= 44 && box.width >= 44, `${await one.textContent()}: ${JSON.stringify(box)}`);
  }
  assert.equal(await page.locator("#page b").count(), 0);
}, { width: 390, height: 844 });

onPage("the keyboard is enough", { identity: TWO }, async (page, daemon) => {
  const tabTo = async (name) => {
    for (let n = 0; n < 40; n += 1) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(() => document.activeElement?.getAttribute("aria-label")
        ?? document.activeElement?.textContent?.replace(/\s+/g, " ").trim());
      if (found === name) return;
    }
    assert.fail(`no way to ${name} by keyboard`);
  };
  await button(page, "Devices and history").waitFor();
  await tabTo("Devices and history");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal(await focused(page), "Your identity"));
  await tabTo("Revoke device 1d1d1d1d");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await tabTo("Revoke the device");
  await page.keyboard.press("Enter");
  await eventually(() => assert.equal(sent(daemon, "/api/devices/revoke").length, 1));
});

/** The sheet of paper and what waits, before a daemon that is made up. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { changed, device, identity, meeting, sheet, waiting } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage, sent } from "./on-page.js";
import { assertFocusSeen, shot } from "./shots.js";
import { SHOTS } from "./world.js";

const region = (page, name) => page.getByRole("region", { name, exact: true });
const enter = (page) => button(page, "Your identity: Alice Martin").click();
const WORDS = sheet().words.split(" ");

/** Types the two words that are asked for, as `word` writes them. */
async function answer(page, word) {
  const asked = await page.getByRole("textbox", { name: /^Word \d+$/ }).all();
  assert.equal(asked.length, 2);
  const numbers = [];
  for (const field of asked) {
    const number = Number((await field.evaluate((one) => one.labels[0].textContent)).match(/\d+/)[0]);
    numbers.push(number);
    await field.fill(word(number));
  }
  assert.notEqual(numbers[0], numbers[1]);
}

onPage("a recovery sheet is drawn, printed, proven and kept", {}, async (page, daemon) => {
  await page.evaluate(() => { globalThis.prints = 0; globalThis.print = () => { globalThis.prints += 1; }; });
  daemon.answers.set("/api/recovery/sheet", [200, sheet()]);
  await enter(page);
  await region(page, "Recovery sheet").getByText("You have none.").waitFor();
  await button(page, "Make a recovery sheet").click();
  await page.getByRole("heading", { name: "Print this, or write it down" }).waitFor();
  const paper = page.getByRole("article", { name: "Conclave recovery sheet" });
  const shown = (await paper.getByRole("listitem").allInnerTexts()).map((text) => text.split(/\s+/).join(" "));
  assert.deepEqual(shown, WORDS.map((word, n) => `${n + 1} ${word}`));
  for (const text of [sheet().user, sheet().fingerprint, sheet().network, "Alice Martin"]) {
    await paper.getByText(text).waitFor();
  }
  await page.getByText("Nobody keeps these words").waitFor();
  await shot(page, "sheet");
  await button(page, "Print").click();
  assert.equal(await page.evaluate(() => globalThis.prints), 1);

  await button(page, "I have it on paper").click();
  assert.equal(await page.getByText(WORDS[0], { exact: true }).count(), 0, "the words are not there to be copied");
  await shot(page, "sheet-proof");
  await answer(page, (n) => n === 24 ? "zoom" : `${WORDS[n - 1]}x`);
  await button(page, "Let this sheet count").click();
  await page.getByRole("alert").getByText(/Word \d+ on your sheet is another one/).waitFor();
  assert.deepEqual(sent(daemon, "/api/recovery/keep"), []);
  await button(page, "Show the words again").click();
  await paper.waitFor();
  await button(page, "I have it on paper").click();
  await answer(page, (n) => ` ${WORDS[n - 1].toUpperCase()} `);
  await button(page, "Let this sheet count").click();
  await page.getByRole("heading", { name: "Your identity" }).waitFor();
  assert.deepEqual(sent(daemon, "/api/recovery/keep"), [{ words: sheet().words }]);
  await page.getByText("Keep the paper where no device of yours is.").waitFor();
  daemon.show({ identity: identity({ recovery: true }) });
  await region(page, "Recovery sheet").getByText("You have one.").waitFor();
  await region(page, "Recovery sheet").getByText("takes the place of the old one after a day").waitFor();
  await button(page, "Make a new recovery sheet").waitFor();
  await shot(page, "sheet-kept");
});

onPage("a refused sheet stays to be tried again, and a thrown away one is gone", {
  identity: identity({ recovery: true }),
}, async (page, daemon) => {
  daemon.answers.set("/api/recovery/sheet", [200, sheet()]);
  daemon.answers.set("/api/recovery/keep", [409, { error: "the ledger refused it", next: "try again" }]);
  await enter(page);
  await button(page, "Make a new recovery sheet").click();
  await button(page, "I have it on paper").click();
  await page.getByText("takes its place after a day").waitFor();
  await answer(page, (n) => WORDS[n - 1]);
  await button(page, "Let this sheet count").click();
  await page.getByRole("alert").getByText("The ledger refused it. Try again.").waitFor();
  await button(page, "Show the words again").click();
  await button(page, "Throw it away").click();
  await page.getByRole("heading", { name: "Your identity" }).waitFor();
  assert.equal(sent(daemon, "/api/recovery/keep").length, 1);
  assert.equal(await page.getByText(WORDS[0], { exact: true }).count(), 0);
});

onPage("paper gets the sheet and nothing else", {}, async (page, daemon) => {
  daemon.answers.set("/api/recovery/sheet", [200, sheet()]);
  await enter(page);
  await button(page, "Make a recovery sheet").click();
  const paper = page.getByRole("article", { name: "Conclave recovery sheet" });
  await paper.waitFor();
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize({ width: 794, height: 1123 });
  await page.screenshot({ path: join(SHOTS, "sheet-print.png") });
  assert.equal(await page.evaluate(() => {
    const sheet = document.querySelector(".paper");
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let others = "";
    for (let text = walk.nextNode(); text; text = walk.nextNode()) {
      if (!sheet.contains(text) && text.parentElement.checkVisibility()) others += text.data.trim();
    }
    return others;
  }), "");
  assert.equal(await page.getByRole("button").count(), 0);
  await paper.getByText("24", { exact: true }).waitFor();
  await page.pdf({ path: join(SHOTS, "sheet-print.pdf"), format: "A4" });
  const pdf = await readFile(join(SHOTS, "sheet-print.pdf"), "latin1");
  assert.equal(pdf.match(/\/Type \/Page\b/g)?.length, 1, "it is one page of A4");
  await page.emulateMedia({ media: "screen", colorScheme: null });
});

/** A recovery as the new device sees it. */
const BACK = waiting({
  by: identity().device, what: "recovery", device: null, mine: true, may_cancel: false,
  text: "a recovery sheet was used: device bbbbbbbb is to take the place of all others",
});
const words = (page) => page.getByRole("textbox", { name: "The 24 words, in their order" });

onPage("with the sheet one comes back after a day", { identity: null }, async (page, daemon) => {
  await shot(page, "welcome");
  await button(page, "I have a recovery sheet").click();
  await page.getByText("0 of 24 words").waitFor();
  await words(page).fill(WORDS.slice(0, 23).join("\n "));
  await page.getByText("23 of 24 words").waitFor();
  const refused = { error: "a recovery sheet has 24 words, these are 23", next: "compare with the sheet, word by word" };
  daemon.answers.set("/api/recovery/recover", [400, refused]);
  await button(page, "Come back").click();
  await page.getByRole("alert").getByText("A recovery sheet has 24 words, these are 23. Compare with the sheet, word by word.").waitFor();
  await shot(page, "recover");
  refused.error = "word 24 is not on the list of BIP 39; look at its spelling";
  await words(page).fill(sheet().words.replace("zoo", "zooo"));
  await button(page, "Come back").click();
  await page.getByRole("alert").getByText("Word 24 is not on the list").waitFor();
  await page.getByRole("textbox", { name: "Your name" }).fill("Alice");
  await page.getByRole("radio", { name: "My name, encrypted" }).check();
  await page.getByText("Protect the key").click();
  await page.getByRole("textbox", { name: "Passphrase" }).fill("correct horse");
  await words(page).fill(sheet().words);
  const waits = identity({ registered: false, devices: [], changes: [], waits: [BACK] });
  daemon.answers.set("/api/recovery/recover", [200, { ...waits, waits: [] }]);
  await button(page, "Come back").click();
  await page.getByText("The ledger is being asked until when.").waitFor();
  assert.deepEqual(sent(daemon, "/api/recovery/recover").at(-1),
    { words: sheet().words, name: "Alice", form: "encrypted", passphrase: "correct horse" });
  daemon.show({ identity: waits });
  await page.getByText("It happens on Sunday, 4 May 2025, ").waitFor();
  await page.getByText("Then use the sheet again.").waitFor();
  await shot(page, "recovering");
  await page.reload();
  await page.getByRole("heading", { name: "Your recovery waits" }).waitFor();
  daemon.show({ identity: identity() });
  await button(page, "Start a meeting").waitFor();
});

onPage("nobody is left to object: the sheet counts at once", { identity: null }, async (page, daemon) => {
  daemon.answers.set("/api/recovery/recover", () => {
    daemon.show({ identity: identity() });
    return [200, identity()];
  });
  await button(page, "I have a recovery sheet").click();
  await words(page).fill(sheet().words);
  await button(page, "Come back").click();
  await button(page, "Start a meeting").waitFor();
  assert.deepEqual(sent(daemon, "/api/recovery/recover"), [{ words: sheet().words, name: "" }]);
});

onPage("after a recovery that was called off the sheet is used again", {
  identity: identity({ registered: false, devices: [], changes: [] }),
}, async (page) => {
  await shot(page, "unregistered");
  await button(page, "Use the recovery sheet again").click();
  await words(page).waitFor();
  await button(page, "Back").click();
  await button(page, "Use the recovery sheet again").waitFor();
});

const ME = device(0, { device: identity().device, me: true });
const [PHONE, OLD] = [device(1), device(2)];
/** Three things wait: a device wants this one out, a sheet was used, and this one wants another sheet. */
const THREATS = identity({
  devices: [ME, PHONE], recovery: true,
  waits: [
    waiting(),
    waiting({
      by: OLD.device, what: "recovery", device: null,
      text: "a recovery sheet was used: device 2d2d2d2d is to take the place of all others",
    }),
    waiting({ by: ME.device, what: "recoverykey", device: null, mine: true, text: "this device asked for another recovery sheet" }),
  ],
});
const alert = (page, text) => page.getByRole("alert").filter({ hasText: text });
const enterWarned = (page) => button(page, "Your identity: Alice Martin (something to look at)").click();
const OFF = "Call it off: 1d1d1d1d asked that device bbbbbbbb be put out";

onPage("what waits is said at home and beside the identity, and called off", { identity: THREATS }, async (page, daemon) => {
  const threat = alert(page, "1d1d1d1d asked that device bbbbbbbb be put out.");
  await threat.getByText("It happens on Sunday, 4 May 2025, ").waitFor();
  await threat.getByText("This computer would be out. If it was not you, somebody has device 1d1d1d1d").waitFor();
  await threat.getByText("Asked by device 1d1d1d1d, fingerprint 5d0e 88f1 c02a 6b97").waitFor();
  await alert(page, "A recovery sheet was used").getByText("somebody has your sheet").waitFor();
  await alert(page, "A recovery sheet was used").getByText("Asked by whoever has your recovery sheet").waitFor();
  const own = page.getByRole("status").filter({ hasText: "This device asked for another recovery sheet." });
  await own.getByText("Asked by this device").waitFor();
  await shot(page, "waits-home");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, "waits-home-dark");
  await page.emulateMedia({ colorScheme: null });
  await enterWarned(page);
  await page.getByRole("heading", { name: "Your identity" }).waitFor();
  await shot(page, "waits-identity");
  daemon.answers.set("/api/changes/cancel", [409, { error: "the ledger refused it", next: "try again" }]);
  await button(page, OFF).click();
  await page.getByRole("alert").getByText("The ledger refused it.").waitFor();
  daemon.answers.delete("/api/changes/cancel");
  const calledOff = (...devices) => eventually(() => assert.deepEqual(
    sent(daemon, "/api/changes/cancel"), devices.map(({ device }) => ({ device }))));
  await button(page, OFF).click();
  await calledOff(PHONE, PHONE);
  await own.getByRole("button", { name: "Call it off" }).click();
  await calledOff(PHONE, PHONE, ME);
  daemon.show({ identity: { ...THREATS, waits: [] } });
  await threat.waitFor({ state: "detached" });
  await button(page, "Your identity: Alice Martin").waitFor();
});

const USED = { ...changed(190, "a recovery to device 2d2d2d2d was asked or done"), by: OLD.device, mine: false };

onPage("a strange change that still waits is to be called off, and covers nothing", {
  identity: { ...THREATS, changes: [USED], unexplained: [{ ...USED, by: "" }] },
}, async (page) => {
  await enterWarned(page);
  await alert(page, "Someone changed your identity").getByText("call it off now").waitFor();
  await page.evaluate(() => scrollTo(0, 600));
  await shot(page, "waits-strange");
  assert.ok(await assertFocusSeen(page) >= 12);
});

onPage("what this device cannot call off is said, with who can", {
  identity: identity({ devices: [device(0), { ...ME, seniority: 1 }], waits: [waiting({ by: device(0).device, device: PHONE.device, may_cancel: false })] }),
}, async (page) => {
  await page.getByRole("alert").getByText("This device cannot do that; an older one can.").waitFor();
  assert.equal(await page.getByRole("button", { name: /Call it off/ }).count(), 0);
});

onPage("in a meeting only what others asked is said", {
  identity: THREATS, meeting: meeting({ me: null }),
}, async (page, daemon) => {
  await alert(page, "1d1d1d1d asked").waitFor();
  assert.equal(await page.getByText("This device asked for another recovery sheet.").count(), 0);
  await shot(page, "waits-meeting");
  await button(page, OFF).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/changes/cancel"), [{ device: PHONE.device }]));
  await button(page, "People").click();
  await button(page, "Your devices and history").click();
  await page.getByText("This device asked for another recovery sheet.").waitFor();
  await shot(page, "waits-panel");
});

/** Language, colours, letters, movement and keys, and a page that comes back after a reload. */
import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertAccessible, browser, open } from "./browser.js";
import { crowd, fakeDaemon, freshState, meeting, member } from "./fake-daemon.js";
import { button, eventually, reloads } from "./helpers.js";
import { onPage, sent } from "./on-page.js";
import { SHOTS } from "./world.js";

const settings = (page) => page.getByRole("dialog", { name: "Settings" });
const TALK = meeting({ me: null, members: [member(0, "Alice Martin", { me: true }), member(1, "Bob Okafor")] });

onPage("the language is changed at once and kept", {}, async (page) => {
  await button(page, "Settings").click();
  await page.getByRole("combobox", { name: "Language" }).selectOption("de");
  await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await page.keyboard.press("Escape");
  await button(page, "Treffen beginnen").waitFor();
  await page.reload();
  await button(page, "Treffen beginnen").waitFor();
});

for (const [locale, start] of [["de-AT", "Treffen beginnen"], ["fr-CA", "Commencer une réunion"], ["es-MX", "Empezar una reunión"], ["zh-TW", "开始会议"], ["nl-NL", "Start a meeting"]]) {
  test(`a browser in ${locale} is spoken to as it wants`, async () => {
    const [chrome, daemon] = [await browser(), await fakeDaemon()];
    const { page, complaints } = await open(chrome, daemon.url, { locale, viewport: { width: 390, height: 844 } });
    await button(page, start).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    daemon.show({ meeting: crowd(9) });
    await page.getByRole("article").nth(8).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".tool > span:not(.count)")]
      .filter((one) => one.scrollWidth > one.parentElement.clientWidth || one.offsetHeight > 40).map(({ textContent }) => textContent)), [], "words that stand out of their buttons");
    await page.screenshot({ path: `${SHOTS}/grid-9-${locale}.png` });
    for (const key of ["p", "i"]) {
      await page.keyboard.press(key);
      await page.getByRole("complementary").waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
      await assertAccessible(page);
    }
    await page.screenshot({ path: `${SHOTS}/security-${locale}.png` });
    assert.deepEqual(complaints, []);
    await chrome.close();
    daemon.close();
  });
}

onPage("colours, letters and movement are set, and axe finds nothing in any of them", { meeting: crowd(4) }, async (page) => {
  await button(page, "More").click();
  await button(page, "Settings").click();
  await settings(page).getByRole("checkbox", { name: "Without movement" }).check();
  for (const theme of ["light", "dark", "contrast"]) {
    await settings(page).getByRole("combobox", { name: "Colours" }).selectOption(theme);
    await eventually(async () => assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme));
    await assertAccessible(page);
  }
  const size = () => page.evaluate(() => getComputedStyle(document.documentElement).fontSize);
  assert.equal(await size(), "16px");
  await settings(page).getByRole("combobox", { name: "Size of letters" }).selectOption("150");
  await eventually(async () => assert.equal(await size(), "24px"));
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
  const moves = () => page.evaluate(() => getComputedStyle(document.querySelector("button")).transitionDuration);
  assert.equal(await moves(), "0s");
});

onPage("keys do what buttons do, unless somebody writes or wants none", { meeting: TALK }, async (page, daemon) => {
  await button(page, "Mute").waitFor();
  await page.keyboard.press("m");
  await button(page, "Unmute").waitFor();
  await page.keyboard.press("h");
  await eventually(() => assert.deepEqual(sent(daemon, "/api/hand"), [{ up: true }]));
  await page.keyboard.press("c");
  await page.getByRole("textbox", { name: "Message" }).focus();
  await page.keyboard.type("much hope ?");
  assert.ok(await button(page, "Unmute").isVisible(), "letters of a message are no keys");
  assert.equal(sent(daemon, "/api/hand").length, 1);
  await button(page, "Close").click();
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keys" });
  await sheet.getByText("Raise or lower your hand").waitFor();
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
  await button(page, "More").click();
  await button(page, "Settings").click();
  await settings(page).getByRole("checkbox", { name: "Single keys as shortcuts" }).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("m");
  await page.keyboard.press("h");
  assert.equal(sent(daemon, "/api/hand").length, 1);
  assert.ok(await button(page, "Unmute").isVisible());
});

onPage("news are seen for a while, and noted by the system when nobody looks", { meeting: TALK }, async (page, daemon) => {
  await page.evaluate(() => {
    globalThis.notes = [];
    globalThis.Notification = class { constructor(title, { body }) { globalThis.notes.push(`${title}: ${body}`); } };
    Object.assign(globalThis.Notification, { permission: "granted", requestPermission: async () => "granted" });
  });
  await page.getByRole("article").nth(1).waitFor();
  const joined = (name) => daemon.show({ meeting: { ...TALK, members: [...TALK.members, member(9, name)] } });
  joined("Dan");
  await page.locator(".quiet").getByText("Dan joined").waitFor();
  await page.locator(".quiet").waitFor({ state: "detached" });
  assert.deepEqual(await page.evaluate(() => globalThis.notes), []);
  await button(page, "More").click();
  await button(page, "Settings").click();
  await settings(page).getByText("Notes of the system").click();
  await eventually(async () => assert.ok(await page.evaluate(() => JSON.parse(localStorage.settings).notify)));
  await page.keyboard.press("Escape");
  await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true }));
  daemon.show({ meeting: TALK });
  await eventually(async () => assert.deepEqual(await page.evaluate(() => globalThis.notes), ["Weekly review: Dan left"]));
});

onPage("a reload costs less than three seconds", { meeting: crowd(9) }, async (page) => {
  await reloads(page, () => page.getByRole("article").nth(8).waitFor());
});

test("a daemon that starts anew is said to be away, and the meeting goes on when it is back", async () => {
  const [chrome, daemon] = [await browser(), await fakeDaemon(freshState({ meeting: crowd(3) }))];
  const { page } = await open(chrome, daemon.url);
  await daemon.followed;
  daemon.away = true;
  daemon.drop();
  await page.getByText("Conclave does not answer on this computer.").waitFor();
  daemon.away = false;
  await page.getByText("Conclave does not answer on this computer.").waitFor({ state: "detached" });
  assert.equal(await page.getByRole("article").count(), 3);
  await chrome.close();
  daemon.close();
});

onPage("what is fetched is light, and something is seen at once", { ...freshState(), meeting: null }, async (page) => {
  await button(page, "Start a meeting").waitFor();
  const { bytes, count, paint } = await page.evaluate(() => {
    const all = performance.getEntriesByType("resource").filter(({ name }) => !name.includes("/api/"));
    const first = performance.getEntriesByName("first-contentful-paint")[0];
    return {
      bytes: all.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0) + performance.getEntriesByType("navigation")[0].decodedBodySize,
      count: all.length, paint: first?.startTime,
    };
  });
  console.log(`the page weighs ${(bytes / 1000).toFixed(1)} kB in ${count} files; first paint after ${paint?.toFixed(0)} ms`);
  assert.ok(bytes <= 300_000, `${bytes} bytes`);
  const ui = fileURLToPath(new URL("../", import.meta.url));
  const all = (await readdir(ui, { recursive: true })).filter((name) => /\.(css|html|js|svg)$/.test(name) && !/^(test|explorer|node_modules)\//.test(name));
  const sizes = await Promise.all(all.map(async (name) => (await stat(join(ui, name))).size));
  console.log(`all files of the page, with every language: ${(sizes.reduce((sum, size) => sum + size, 0) / 1000).toFixed(1)} kB`);
});

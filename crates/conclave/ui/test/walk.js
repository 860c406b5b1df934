/**
 * What people do in a meeting and what they see of it, for the walk through all of it.
 *
 * @typedef {{ name: string, page: import("playwright-core").Page, complaints: string[] }} Person
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertAccessible } from "./browser.js";
import { button, moves, tile } from "./helpers.js";
import { SHOTS } from "./world.js";

export const TITLE = "Monthly summary";
export const DESK = { width: 1440, height: 900 };

/**
 * Looks where a link leads.
 *
 * @param {Person} person
 * @param {string} link
 */
export async function look({ page }, link) {
  await button(page, "Join with a link").click();
  await page.getByRole("textbox", { name: "Invite link" }).fill(link);
  await button(page, "Check the link").click();
  await page.getByRole("heading", { name: TITLE }).waitFor();
  await page.getByText("Led by Alice Martin").waitFor();
}

/**
 * Opens a panel that a tool leads to, unless it is open.
 *
 * @param {Person} person
 * @param {string} name
 */
export async function show({ page }, name) {
  const panel = page.getByRole("complementary", { name });
  if (!await panel.isVisible()) await button(page, name).click();
  await panel.waitFor();
  return panel;
}

/** @param {Person} person @param {string} name */
export async function close({ page }, name) {
  await button(page, name).click();
  await page.getByRole("complementary").waitFor({ state: "detached" });
}

/**
 * Everyone's picture moves on everyone's page.
 *
 * @param {Person[]} people
 */
export async function sees(people) {
  await Promise.all(people.map(async ({ name: me, page }) => {
    await Promise.all(people.filter(({ name }) => name !== me).map(({ name }) => moves(page, name, 3)));
  }));
}

/** What a tile takes of the page. @param {Person} person @param {string} name */
export async function area({ page }, name) {
  const box = await tile(page, name).boundingBox();
  return box ? box.width * box.height : 0;
}

/** How much larger the largest tile is than the smallest. @param {Person} person */
export async function ratio({ page }) {
  const areas = await page.getByRole("article").evaluateAll((tiles) =>
    tiles.map((tile) => tile.clientWidth * tile.clientHeight));
  return Math.max(...areas) / Math.min(...areas);
}

/** What somebody reads aloud from behind the shield. @param {Person} person */
export async function codesOf({ page }) {
  await page.getByRole("banner").getByRole("button", { name: /verified|new|wrong/ }).click();
  const security = page.getByRole("complementary", { name: "Security" });
  const pictures = await security.getByRole("list", { name: "Short code" }).getByRole("listitem").allInnerTexts();
  const digits = await security.getByRole("definition").getByRole("code").allInnerTexts();
  assert.deepEqual([pictures.length, digits.length], [4, 2]);
  return { pictures, digits };
}

/**
 * The page of who recorded plays what was recorded.
 *
 * @param {import("playwright-core").Page} page
 * @param {Buffer} film
 */
export async function plays(page, film) {
  assert.equal(film.readUInt32BE(0), 0x1a45dfa3, "it is WebM");
  const size = await page.evaluate(async (base64) => {
    const video = document.createElement("video");
    video.muted = true;
    video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type: "video/webm" }));
    await video.play();
    return [video.videoWidth, video.videoHeight];
  }, film.toString("base64"));
  assert.deepEqual(size, [1280, 720]);
}

/**
 * Photographs somebody's page as a desk shows it, and has axe look at it.
 *
 * @param {Person} person
 * @param {string} name
 */
export async function shot({ page }, name) {
  const before = page.viewportSize();
  await page.setViewportSize(DESK);
  // Whoever is seen is on the picture, too.
  await page.locator("video:not(.screen video)").evaluateAll((all) => Promise.all(all.map((one) => {
    const video = /** @type {HTMLVideoElement} */ (one);
    const shown = video.checkVisibility() && video.srcObject;
    return shown && new Promise((resolve) => { video.requestVideoFrameCallback(resolve); });
  })));
  await page.screenshot({ path: join(SHOTS, `walk-${name}.png`), animations: "disabled" });
  await assertAccessible(page);
  if (before) await page.setViewportSize(before);
}

/** Pictures of the page for whoever wants to look at it. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { assertAccessible } from "./browser.js";
import { SHOTS } from "./world.js";

const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/**
 * Draws the page as a desk and as a phone show it. On both nothing stands out of the window, what
 * one presses or types into is large enough for a thumb, and axe finds nothing.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
export async function shot(page, name) {
  await mkdir(SHOTS, { recursive: true });
  const before = page.viewportSize();
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    await page.screenshot({ path: join(SHOTS, `${name}-${size}.png`), fullPage: true, animations: "disabled" });
    await assertFits(page, `${name}-${size}`);
    await assertAccessible(page);
  }
  if (before) await page.setViewportSize(before);
}

/**
 * Draws a screen at the three sizes by day and by night; nothing stands out of the window, and axe
 * finds nothing in any of the themes.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
export async function gallery(page, name) {
  await mkdir(SHOTS, { recursive: true });
  const before = page.viewportSize();
  const theme = await page.evaluate(() => document.documentElement.dataset.theme ?? "system");
  for (const [size, viewport] of Object.entries({ ...SIZES, tablet: { width: 1024, height: 768 } })) {
    await page.setViewportSize(viewport);
    for (const shown of size === "phone" ? ["light", "dark", "contrast"] : ["light", "dark"]) {
      await wear(page, shown);
      await page.screenshot({ path: join(SHOTS, `${name}-${size}-${shown}.png`), fullPage: true, animations: "disabled" });
      await assertFits(page, `${name}-${size}-${shown}`);
      await assertAccessible(page);
    }
  }
  await wear(page, theme);
  if (before) await page.setViewportSize(before);
}

/** Another theme, as the settings put it on, at once.
 * @param {import("playwright-core").Page} page
 * @param {string} theme
 */
const wear = (page, theme) => page.evaluate((theme) => {
  document.documentElement.toggleAttribute("data-calm", true);
  document.documentElement.dataset.theme = theme;
}, theme);

/**
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
async function assertFits(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(wide, 0, `${name} is wider than its window`);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, summary, textarea, select, input:not([type=radio], [type=checkbox], [type=file]), .choice, .pick")]
      .filter((one) => one.checkVisibility())
      .map((one) => ({ one: one.outerHTML.slice(0, 90), ...one.getBoundingClientRect().toJSON() }))
      .filter(({ width, height }) => width < 44 || height < 44));
  assert.deepEqual(small, [], `${name} has targets that are too small`);
}

/**
 * Goes through the page by keyboard: whatever has the focus shows it, and nothing lies over it.
 *
 * @param {import("playwright-core").Page} page
 * @returns {Promise<number>} how many places there are
 */
export async function assertFocusSeen(page) {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
  for (let n = 0; n < 80; n += 1) {
    await page.keyboard.press("Tab");
    const place = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      const { x, y, width, height } = one.getBoundingClientRect();
      const top = document.elementFromPoint(x + width / 2, y + height / 2);
      const covered = top === null || !(one.contains(top) || one.closest("label")?.contains(top));
      return { name: one.outerHTML.slice(0, 90), outline: `${outlineStyle} ${outlineWidth}`, covered };
    });
    if (!place) return n;
    assert.equal(place.outline, "solid 3px", place.name);
    assert.equal(place.covered, false, `${place.name} is under something else`);
  }
  assert.fail("the keyboard never comes around");
}

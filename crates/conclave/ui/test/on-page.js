import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, browser, open } from "./browser.js";
import { fakeDaemon, freshState } from "./fake-daemon.js";

/** @type {import("playwright-core").Browser} */
let chrome;
before(async () => { chrome = await browser(); });
after(() => chrome.close());

/** One page before a daemon with this state; it ends without complaints and without violations.
 * @param {string} name
 * @param {object} state
 * @param {(page: import("playwright-core").Page, daemon: any) => Promise<void>} use
 * @param {{ width: number, height: number }} [viewport]
 */
export function onPage(name, state, use, viewport = { width: 1024, height: 768 }) {
  test(name, async () => {
    const daemon = await fakeDaemon(freshState(state));
    const { page, complaints } = await open(chrome, daemon.url, { viewport });
    try {
      await daemon.followed;
      await use(page, daemon);
      await assertAccessible(page);
      // A refusal that the page shows is also listed by the browser.
      assert.deepEqual(complaints.filter((text) => !/status of 4(00|09)/.test(text)), []);
    } finally {
      await page.context().close();
      daemon.close();
    }
  });
}

/** What the page asked of the daemon under that path. */
export const sent = (daemon, path) =>
  daemon.asked.filter((one) => one.path === path).map(({ body }) => body);

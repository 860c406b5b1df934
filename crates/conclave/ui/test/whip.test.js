/**
 * A client of somebody else's publishes by WHIP (RFC 9725): what a studio in a browser does with the address
 * and the token that `conclave meeting whip` prints.
 *
 * It stands on a page of the daemon's own origin, which the browser makes up: pages of other sites get no
 * answer from a daemon, whatever they hold.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { browser, open } from "./browser.js";
import { admitAll, createIdentity, eventually, heard, inviteLink, moves, startMeeting } from "./helpers.js";
import { World } from "./world.js";

const NAME = "Studio";

/** @type {World} */
let world;
/** @type {import("playwright-core").Browser} */
let chrome;

before(async () => {
  [world, chrome] = await Promise.all([World.found(1), browser()]);
});
after(async () => {
  await chrome?.close();
  await world?.end();
});

test("what a foreign WHIP client publishes is seen and heard by the others, and ends when it says so", async () => {
  const ada = await open(chrome, (await world.daemon("ada")).url);
  await createIdentity(ada.page, "Ada");
  await startMeeting(ada.page, "Studio");
  const studio = await world.daemon("studio");
  await studio.ask("/api/identity", { name: NAME, form: "clear" });
  await studio.ask("/api/join", { link: await inviteLink(ada.page) });
  await admitAll(ada.page, 1);
  await eventually(async () => assert.equal((await studio.ask("/api/state")).meeting.phase, "live"));

  const { url, token } = await world.say("studio", ["meeting", "whip"]);
  const page = await foreign(new URL("/studio.html", url).href);
  await page.evaluate(async ({ url, token }) => {
    const all = /** @type {any} */ (globalThis);
    const camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180 } });
    all.client = new all.WHIPClient({ endpoint: url, opts: { authkey: token, iceServers: [], timeout: 500 } });
    await all.client.ingest(camera);
  }, { url, token });
  await moves(ada.page, NAME);
  await heard(ada.page, NAME);

  await page.evaluate(() => /** @type {any} */ (globalThis).client.destroy());
  await eventually(async () => {
    const { members } = (await studio.ask("/api/state")).meeting;
    const own = members.find((/** @type {{ name: string }} */ one) => one.name === NAME);
    assert.deepEqual(own.streams, []);
  });
  assert.deepEqual(ada.complaints, []);
});

/**
 * A page of the daemon's origin that holds the client and nothing of the daemon's.
 *
 * @param {string} url
 */
async function foreign(url) {
  const context = await chrome.newContext();
  await context.grantPermissions(["camera", "microphone"], { origin: new URL(url).origin });
  const body = `<!doctype html><title>A studio</title><script>${await script()}</script>`;
  await context.route(url, (route) => route.fulfill({ body, contentType: "text/html" }));
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** The client and what it needs, as one script: it is published in parts that only a bundler puts together. */
async function script() {
  const require = createRequire(import.meta.url);
  /** @type {Record<string, string>} what each part is called by the others */
  const names = {
    "@eyevinn/whip-web-client": "client", events: "events/", "sdp-transform": "sdp-transform/lib/index.js",
    "./parser": "sdp-transform/lib/parser.js", "./writer": "sdp-transform/lib/writer.js",
    "./grammar": "sdp-transform/lib/grammar.js",
  };
  const parts = await Promise.all(Object.entries(names).map(async ([name, path]) => {
    const file = require.resolve(path === "client" ? name : path);
    return `${JSON.stringify(name)}: (module, exports) => {${await readFile(file, "utf8")}\n}`;
  }));
  return `const parts = {${parts.join(",")}};
    function require(name) {
      const module = { exports: {} };
      parts[name](module, module.exports);
      return module.exports;
    }
    globalThis.WHIPClient = require("@eyevinn/whip-web-client").WHIPClient;`;
}

/** The ledger explorer of real validators, with people who really met. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open } from "./browser.js";
import { landed } from "../links.js";
import { button, eventually } from "./helpers.js";
import { assertFocusSeen, shot } from "./shots.js";
import { World } from "./world.js";

/** Everything a page must not fall for: elements, entities, marks that turn the direction. */
const HOSTILE = "<img src=x onerror=alert(1)><b>Eve\u202Eevil\u2066&amp;\u200F";
const DESK = { viewport: { width: 1440, height: 900 } };

/** @type {World} */
let world;
/** @type {import("playwright-core").Browser} */
let chrome;
/** @type {{ ada: any, eve: any, mid: string, link: string, asks: import("./world.js").Daemon }} */
let met;

before(async () => {
  [world, chrome] = await Promise.all([World.found(4), browser()]);
  met = await meet();
});
after(async () => {
  await chrome?.close();
  await world?.end();
});

/** Ada leads a meeting, Eve comes in; both through their daemons, as the command line would. */
async function meet() {
  const [ada, eve] = await Promise.all([world.daemon("ada"), world.daemon("eve")]);
  const identities = await Promise.all([
    ada.ask("/api/identity", { name: "Ada Lovelace", form: "clear" }),
    eve.ask("/api/identity", { name: HOSTILE, form: "clear" }),
  ]);
  await ada.ask("/api/handle", { name: "ada" });
  const { mid } = await ada.ask("/api/meetings", { title: "Budget", auto_admit: true });
  const link = await until(async () => (await ada.ask("/api/state")).meeting?.invite?.link);
  await eve.ask("/api/join", { link });
  await until(async () => (await eve.ask("/api/state")).meeting?.phase === "live");
  return { ada: identities[0], eve: identities[1], mid, link, asks: eve };
}

/** Asks again and again until there is an answer. @param {() => Promise<any>} look */
async function until(look) {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `in a minute: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One page of the explorer; it ends without complaints.
 * @param {string} name
 * @param {string} hash
 * @param {(page: import("playwright-core").Page) => Promise<void>} use
 * @param {(page: import("playwright-core").Page) => Promise<void>} [prepare]
 */
function explore(name, hash, use, prepare) {
  test(name, async () => {
    const { page, complaints } = await open(chrome, `${world.validators[0]}/${hash}`, DESK, prepare);
    try {
      await use(page);
      assert.deepEqual(complaints, []);
    } finally {
      await page.context().close();
    }
  });
}

/** @param {import("playwright-core").Page} page @param {string | RegExp} name */
const heading = (page, name) => page.getByRole("heading", { level: 1, name });

/** Pictures by day and by night, on a desk and on a phone.
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
async function shots(page, name) {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await shot(page, `explorer-${name}`);
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, `explorer-${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
}

explore("the overview shows blocks as they become final", "", async (page) => {
  await heading(page, /^Block \d+/).waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  const blocks = page.getByRole("region", { name: "Blocks" });
  const first = await blocks.getByRole("link", { name: /^Block/ }).first().textContent();
  await eventually(async () => {
    assert.notEqual(await blocks.getByRole("link", { name: /^Block/ }).first().textContent(), first);
  });
  await page.getByText("This validator remembers every transaction").waitFor();
  await button(page, "Pause").click();
  await page.getByText("paused", { exact: true }).waitFor();
  await shots(page, "overview");
});

explore("from a request one comes to the meeting, its people and their devices", "", async (page) => {
  const request = page.getByRole("listitem").filter({ hasText: "asked to join meeting" }).first();
  await request.getByRole("link", { name: met.mid.slice(0, 8) }).click();
  await heading(page, `Meeting ${met.mid.slice(0, 8)}…`).waitFor();
  await eventually(async () => {
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1");
  });
  // The title is for guests only; the ledger has it sealed.
  await page.getByText("encrypted: only who has the key can read it").waitFor();
  const inside = page.getByRole("region", { name: "Who shares the key" });
  assert.equal(await inside.getByRole("listitem").count(), 2);
  const history = page.getByRole("region", { name: "What happened" });
  await history.getByText(/made key \d+ of meeting/).first().waitFor();
  await history.getByText("opened meeting").waitFor();
  await shots(page, "meeting");
  await inside.getByRole("link", { name: met.ada.user.slice(0, 8) }).click();
  await page.getByText("@ada", { exact: true }).first().waitFor();
  await shots(page, "user");
  await page.getByRole("region", { name: "Devices" }).getByRole("link", { name: met.ada.device.slice(0, 8) }).click();
  await heading(page, `Device ${met.ada.device.slice(0, 8)}…`).waitFor();
  await page.getByText("first device of its user").waitFor();
  await shot(page, "explorer-device");
  await page.goBack();
  await heading(page, `User ${met.ada.user.slice(0, 8)}…`).waitFor();
});

explore("a block says who made it, who signed it and what is in it", "", async (page) => {
  await page.getByRole("listitem").filter({ hasText: "registered with device" }).first()
    .getByRole("link", { name: /^\d+$/ }).click();
  await page.getByText(/signed final/).waitFor();
  await page.getByText("(3 of 4)").or(page.getByText("(4 of 4)")).waitFor();
  const identity = page.getByRole("region", { name: "Identity ledger" });
  await identity.getByText("sponsored by validator").first().waitFor();
  await shots(page, "block");
  const height = Number((await heading(page, /^Block/).textContent())?.replace(/\D/g, ""));
  const next = `Block ${(height + 1).toLocaleString("en-GB")}`;
  await page.getByRole("link", { name: next, exact: true }).click();
  await heading(page, next).waitFor();
  await page.goBack();
  await identity.getByRole("link", { name: /^transaction/ }).first().click();
  await heading(page, /^Transaction/).waitFor();
  await page.getByText("RegisterUser").waitFor();
  await page.getByText("All bytes").click();
  await shot(page, "explorer-tx");
});

explore("validators show that they take part", "#/validators", async (page) => {
  await heading(page, "Validators").waitFor();
  const taking = page.getByText("takes part", { exact: true });
  await eventually(async () => assert.equal(await taking.count(), 4));
  await page.getByText("The set is that of the genesis.").waitFor();
  assert.ok(await assertFocusSeen(page) > 10);
  await shots(page, "validators");
  await page.getByRole("link", { name: "Anchors" }).click();
  await page.getByText("None was recorded on this ledger.").waitFor();
  await shot(page, "explorer-anchors");
});

explore("a search finds by handle, by beginning and by height", "", async (page) => {
  const field = page.getByRole("searchbox");
  const look = async (text) => {
    await field.fill(text);
    await field.press("Enter");
  };
  await look("@Ada");
  await page.getByRole("link", { name: `User ${met.ada.user.slice(0, 8)}…` }).waitFor();
  await look(met.eve.user.slice(0, 10));
  await page.getByRole("link", { name: `User ${met.eve.user.slice(0, 8)}…` }).waitFor();
  await page.getByText("This validator remembers").waitFor();
  await shot(page, "explorer-search");
  await look("1");
  await page.getByRole("link", { name: "Block 1", exact: true }).click();
  await heading(page, "Block 1").waitFor();
  await look("nobody at all");
  await page.getByText("Nothing found for").waitFor();
});

explore("a hostile name is text and turns nothing around", "", async (page) => {
  await heading(page, /^Block/).waitFor();
  await page.evaluate((id) => { location.hash = `#/user/${id}`; }, met.eve.user);
  const name = page.locator("dd bdi").filter({ hasText: "onerror" });
  assert.equal(await name.textContent(), HOSTILE.replace(/[\u202E\u2066]/g, "\uFFFD"));
  // What follows the name stands to the right of it, or below.
  const quote = page.locator("dd q").filter({ hasText: "onerror" });
  const [inner, outer] = [await name.boundingBox(), await quote.boundingBox()];
  assert.ok(inner && outer && outer.x + outer.width >= inner.x + inner.width);
  assert.equal(await page.locator("#page img, #page b, #page script").count(), 0);
  const isolated = await name.evaluate((one) => getComputedStyle(one).unicodeBidi);
  assert.equal(isolated, "isolate");
  await shots(page, "hostile");
});

explore("a name of ten thousand characters does not fill the page", `#/user/${"ee".repeat(32)}`, async (page) => {
  await heading(page, "User eeeeeeee…").waitFor();
  const name = page.locator("dd bdi").first();
  assert.equal(Array.from(await name.textContent() ?? "").length, 1025);
  await shot(page, "explorer-long-name");
}, (page) => page.route("**/explorer/users/*", (route) => route.fulfill({
  json: {
    id: "ee".repeat(32), active: true, handle: null, info: { form: "clear", text: "W".repeat(10_000) },
    seq: 0, registered: 1, registered_ms: 1, recovery: false, devices: [], txs: [], reach: { from: 1, txs: 0 },
  },
})));

explore("whoever is invited and has no Conclave finds the way in", "join", async (page) => {
  await page.getByText("This address holds no whole invitation.").waitFor();
  const address = /** @type {string} */ (landed(page.url(), { invite: { link: met.link } }));
  const response = await page.goto(address);
  await page.reload();
  assert.doesNotMatch(response?.headers()["content-security-policy"] ?? "connect-src", /connect-src/);
  assert.equal(await page.getByRole("textbox", { name: "Your invitation" }).inputValue(), met.link);
  // Whoever pastes the address itself comes in as well.
  assert.equal((await met.asks.ask("/api/invite", { link: address })).title, "Budget");
});

explore("what is not there is said, and what is nowhere leads home", "#/here/there", async (page) => {
  await page.getByRole("link", { name: "To the overview" }).click();
  await heading(page, /^Block/).waitFor();
});

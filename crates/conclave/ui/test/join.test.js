/** The page for people who were invited and have no Conclave yet, as a validator serves it. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { assertAccessible, browser, open } from "./browser.js";
import { button } from "./helpers.js";
import { assertFocusSeen, shot } from "./shots.js";

const UI = new URL("../", import.meta.url);
const SECRET = Array.from({ length: 30 }, (_, n) => `Q2FzZX_${n}-M`).join("");
const TYPES = { css: "text/css", html: "text/html", js: "text/javascript", svg: "image/svg+xml" };
/** As `src/explorer/page.rs` writes it; `explorer.test.js` looks at the real one. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
  + "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** @type {import("playwright-core").Browser} */
let chrome;
/** @type {import("node:http").Server} */
let server;
/** Everything that ever reached the server. @type {string[]} */
const heard = [];

before(async () => {
  chrome = await browser();
  server = createServer(async (request, response) => {
    const body = [];
    for await (const chunk of request) body.push(chunk);
    heard.push([request.method, request.url, JSON.stringify(request.rawHeaders), Buffer.concat(body)].join(" "));
    const path = new URL(request.url ?? "", "http://here").pathname;
    const file = path === "/join" ? "explorer/join/index.html" : path.replace("/page/", "");
    response.setHeader("content-security-policy", POLICY);
    response.setHeader("referrer-policy", "no-referrer");
    try {
      response.setHeader("content-type", TYPES[file.split(".").at(-1) ?? ""] ?? "text/plain");
      response.end(await readFile(new URL(file, UI)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
});
after(async () => {
  await chrome?.close();
  server?.close();
});

/** The page at that place; it ends without complaints.
 * @param {string} fragment
 * @param {(page: import("playwright-core").Page) => Promise<void>} use
 * @param {import("playwright-core").BrowserContextOptions} [options]
 * @param {RegExp} [expected] complaints that there have to be
 */
async function invited(fragment, use, options = {}, expected = /^$/) {
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  const { page, complaints } = await open(chrome, `http://127.0.0.1:${address.port}/join${fragment}`, options);
  try {
    await use(page);
    await assertAccessible(page);
    assert.deepEqual(complaints.filter((text) => !expected.test(text)), []);
  } finally {
    await page.context().close();
  }
}

test("an invite is shown and copied, and not a part of it reaches the server", () => invited(`#j/1/${SECRET}`, async (page) => {
  await page.getByRole("heading", { level: 1, name: "You are invited to a meeting" }).waitFor();
  const field = page.getByRole("textbox", { name: "Your invitation" });
  assert.equal(await field.inputValue(), `conclave:j/1#${SECRET}`);
  await button(page, "Copy the invitation").click();
  await page.getByRole("status").getByText("Copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `conclave:j/1#${SECRET}`);
  await page.evaluate(() => document.documentElement.toggleAttribute("data-calm", true));
  await shot(page, "join");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, "join-dark");
  assert.equal(await assertFocusSeen(page), 2);
  await page.reload();
  assert.equal(await field.inputValue(), `conclave:j/1#${SECRET}`);
  assert.ok(heard.length >= 12, "the server hears of the page twice");
  for (let at = 0; at + 12 <= SECRET.length; at += 1) {
    assert.deepEqual(heard.filter((one) => one.includes(SECRET.slice(at, at + 12))), []);
  }
}));

test("what has read the invite may connect to nobody", () => invited(`#j/1/${SECRET}`, async (page) => {
  const refused = await page.evaluate(async () => {
    const tried = [fetch("/told"), fetch("http://127.0.0.1:9/told")];
    return (await Promise.allSettled(tried)).map(({ status }) => status);
  });
  assert.deepEqual(refused, ["rejected", "rejected"]);
  assert.deepEqual(heard.filter((one) => one.includes("/told")), []);
}, {}, /Content Security Policy/));

test("an address that was cut says so", async () => {
  for (const fragment of ["", "#j/1/short", "#j/2/aaaaaaaaaaaaaaaaaaaaaaaa", `#j/1/${SECRET}%3Cb%3E`]) {
    await invited(fragment, async (page) => {
      await page.getByText("This address holds no whole invitation.").waitFor();
      assert.equal(await page.getByRole("button").count(), 0);
      if (!fragment) await shot(page, "join-broken");
    });
  }
});

test("a browser that copies nothing leaves the invite marked", () => invited(`#j/1/${SECRET}`, async (page) => {
  await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
  await button(page, "Copy the invitation").click();
  await page.getByRole("status").getByText("copy it yourself").waitFor();
  const marked = await page.getByRole("textbox").evaluate((one) =>
    /** @type {HTMLInputElement} */ (one).selectionEnd);
  assert.equal(marked, SECRET.length + "conclave:j/1#".length);
}));

test("the page speaks the language of the browser, and says everything in each", async () => {
  const { WORDS } = await import("../explorer/join/words.js");
  const said = [...(await readFile(new URL("explorer/join/index.html", UI), "utf8")).matchAll(/data-say="(\w+)"/g)];
  const keys = [...new Set(said.map(([, key]) => key))].sort();
  for (const [language, words] of Object.entries(WORDS)) {
    assert.deepEqual(Object.keys(words).sort(), keys, language);
    await invited(`#j/1/${SECRET}`, async (page) => {
      await page.getByRole("heading", { level: 1, name: words.title }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), language);
      await shot(page, `join-${language}`);
    }, { locale: language });
  }
});

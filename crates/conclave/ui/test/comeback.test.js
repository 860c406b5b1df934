/** Real daemons: a name, a handle, a sheet; another computer comes back with it, and is stopped. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, open } from "./browser.js";
import { button, createIdentity } from "./helpers.js";
import { World } from "./world.js";

/** @type {import("playwright-core").Browser} */
let chrome;
/** @type {World} */
let world;
before(async () => { [chrome, world] = await Promise.all([browser(), World.found(1)]); });
after(async () => {
  await chrome.close();
  await world.end();
});

/** @param {string} name */
async function person(name) {
  const daemon = await world.daemon(name);
  return open(chrome, daemon.url, { viewport: { width: 1280, height: 900 } });
}

test("a sheet is kept, used elsewhere, and called off", async () => {
  const [alice, thief] = await Promise.all([person("alice"), person("thief")]);
  const { page } = alice;
  page.setDefaultTimeout(60_000);
  thief.page.setDefaultTimeout(60_000);
  await createIdentity(page, "Alice Martin");
  await button(page, "Your identity: Alice Martin").click();
  await page.getByText("You have none.").waitFor();

  await page.getByText("Claim a handle").click();
  const handle = page.getByRole("textbox", { name: "Handle" });
  await handle.fill("A!");
  await button(page, "Claim the handle").click();
  await page.getByRole("alert").getByText("A handle has 3 to 32").waitFor();
  await handle.fill("@alice.m");
  await button(page, "Claim the handle").click();
  await page.getByText("@alice.m", { exact: true }).waitFor();

  await button(page, "Make a recovery sheet").click();
  await button(page, "I have it on paper").waitFor();
  const items = await page.getByRole("article").getByRole("listitem").allInnerTexts();
  const words = items.map((text) => text.split(/\s+/).at(-1) ?? "");
  assert.equal(words.length, 24);
  await button(page, "I have it on paper").click();
  for (const label of await page.locator("label.field").all()) {
    const number = Number(/\d+/.exec(await label.innerText())?.[0]);
    await label.getByRole("textbox").fill(words[number - 1]);
  }
  await button(page, "Let this sheet count").click();
  await page.getByText("You have one.").waitFor();

  await page.getByText("Change your name").click();
  await page.getByRole("textbox", { name: "New name" }).fill("Alice Duval");
  await button(page, "Change the name").click();
  await page.getByRole("heading", { name: "Alice Duval" }).waitFor();

  await button(thief.page, "I have a recovery sheet").click();
  const typed = thief.page.getByRole("textbox", { name: "The 24 words, in their order" });
  await typed.fill(words.slice(1).join(" "));
  await button(thief.page, "Come back").click();
  await thief.page.getByRole("alert").getByText("A recovery sheet has 24 words, these are 23.").waitFor();
  await typed.fill(words.join("  ").toUpperCase());
  await button(thief.page, "Come back").click();
  await thief.page.getByText("It happens on").waitFor();

  const alert = page.getByRole("alert").filter({ hasText: "A recovery sheet was used" });
  await alert.getByRole("button", { name: /^Call it off/ }).click();
  await alert.waitFor({ state: "detached" });
  await button(thief.page, "Use the recovery sheet again").waitFor();
  // Refusals that the page shows are also listed by the browser.
  assert.deepEqual([...alice.complaints, ...thief.complaints].filter((text) => !text.includes("status of 400")), []);
});

/** Handles, names and kinds of key, before a daemon that is made up. */
import assert from "node:assert/strict";
import { device, freshState, handed, identity, sheet } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage, sent } from "./on-page.js";
import { shot } from "./shots.js";

const ME = device(0, { device: identity().device, me: true });
const ALICE = identity({ devices: [ME] });
const enter = (page) => button(page, "Devices and history").click();
const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim());

onPage("a handle is claimed, unless somebody has it", { identity: ALICE }, async (page, daemon) => {
  await enter(page);
  await page.getByText("Claim a handle").click();
  const field = page.getByRole("textbox", { name: "Handle" });
  daemon.answers.set("/api/handle", [409, { error: "the name is taken", next: "take another name" }]);
  await field.fill("@alice");
  await button(page, "Claim the handle").click();
  const refused = page.getByRole("region", { name: "Who you are" }).getByRole("alert");
  await refused.getByText("The name is taken. Take another name.").waitFor();
  assert.equal(await page.getByRole("alert").count(), 1, "it is said by the field and nowhere else");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await shot(page, "handle-refused");
  daemon.answers.delete("/api/handle");
  for (const wrong of ["Al", "Alice", "-alice", "a b c", "\u0430lice"]) {
    await field.fill(wrong);
    await button(page, "Claim the handle").click();
    await refused.getByText("3 to 32 of a–z").waitFor();
  }
  await field.fill("alice.m");
  await button(page, "Claim the handle").click();
  await field.waitFor({ state: "hidden" });
  await eventually(async () => assert.equal(await focused(page), "Claim a handle"));
  assert.deepEqual(sent(daemon, "/api/handle"), [{ name: "alice" }, { name: "alice.m" }]);
  daemon.show({ identity: { ...ALICE, handle: "alice.m" } });
  await page.getByRole("region", { name: "Who you are" }).getByText("@alice.m", { exact: true }).waitFor();
  await page.getByText("Take another handle").click();
  await page.getByText("You give up @alice.m.").waitFor();
  await button(page, "Back").click();
  await page.getByText("@alice.m", { exact: true }).waitFor();
});

onPage("the name is changed, and what the ledger shows of it", {
  identity: { ...ALICE, info: { form: "encrypted", text: "Alice Martin" } },
}, async (page, daemon) => {
  await enter(page);
  await page.getByText("Change your name").click();
  const name = page.getByRole("textbox", { name: "New name" });
  assert.equal(await name.inputValue(), "Alice Martin");
  assert.equal(await page.getByRole("radio", { checked: true }).count(), 0, "the form stays as it is");
  await shot(page, "rename");
  daemon.answers.set("/api/info", [409, { error: "a meeting is running", next: "leave it first" }]);
  await name.fill("Alice Duval");
  await page.getByRole("radio", { name: "Only a fingerprint" }).check();
  await page.getByRole("textbox", { name: "Passphrase, if the key has one" }).fill("correct horse");
  await button(page, "Change the name").click();
  await page.getByRole("region", { name: "Who you are" }).getByRole("alert").getByText("Leave it first.").waitFor();
  const renamed = { ...ALICE, info: { form: "commit", text: "Alice Duval" } };
  daemon.answers.set("/api/info", () => {
    daemon.show({ identity: renamed });
    return [200, renamed];
  });
  await button(page, "Change the name").click();
  await page.getByRole("heading", { name: "Alice Duval" }).waitFor();
  await name.waitFor({ state: "hidden" });
  assert.deepEqual(sent(daemon, "/api/info"),
    Array(2).fill({ name: "Alice Duval", form: "commit", passphrase: "correct horse" }));
  await page.getByText("Change your name").click();
  assert.equal(await name.inputValue(), "Alice Duval");
  assert.equal(await page.getByRole("radio", { checked: true }).count(), 0, "the form stays as it is");
  assert.equal(await page.getByRole("textbox", { name: "Passphrase, if the key has one" }).inputValue(), "");
});

onPage("a revoked device changes no names", {
  identity: identity({ devices: [{ ...ME, active: false }], handle: "alice" }),
}, async (page) => {
  await enter(page);
  await page.getByRole("region", { name: "Who you are" }).getByText("@alice").waitFor();
  assert.equal(await page.getByText("Change your name").count(), 0);
  assert.equal(await page.getByText("Take another handle").count(), 0);
});

onPage("where the network takes work, nobody has to be asked for a word", { identity: null }, async (page, daemon) => {
  const box = page.getByRole("checkbox", { name: "Ask no validator for a word" });
  const name = page.getByRole("textbox", { name: "Your name" });
  await name.fill("Alice");
  assert.equal(await box.count(), 0);
  daemon.show({ network: { ...freshState().network, work: 22 } });
  await box.check();
  await shot(page, "work");
  await button(page, "Create identity").click();
  await eventually(() =>
    assert.deepEqual(sent(daemon, "/api/identity"), [{ name: "Alice", form: "clear", work: true }]));
});

onPage("a system that has a key store can keep what opens the key", { identity: null }, async (page, daemon) => {
  const box = page.getByRole("checkbox", { name: "Let this system keep what opens the key" });
  await page.getByRole("textbox", { name: "Your name" }).fill("Alice");
  assert.equal(await box.count(), 0);
  daemon.show({ key_store: true });
  await box.check();
  await shot(page, "key-store");
  await button(page, "Create identity").click();
  await eventually(() =>
    assert.deepEqual(sent(daemon, "/api/identity"), [{ name: "Alice", form: "clear", key_store: "os" }]));
});

onPage("so it can on a second computer, and on one that comes back", { identity: null, key_store: true }, async (page, daemon) => {
  daemon.answers.set("/api/devices/accept", [200, handed("a")]);
  const box = page.getByRole("checkbox", { name: "Let this system keep what opens the key" });
  await button(page, "I have an identity already").click();
  await page.getByRole("textbox", { name: "Link from your first device" }).fill("conclave:d/1#x");
  await box.check();
  await button(page, "Make a key here").click();
  await eventually(() =>
    assert.deepEqual(sent(daemon, "/api/devices/accept"), [{ link: "conclave:d/1#x", key_store: "os" }]));
  await page.reload();
  await button(page, "I have a recovery sheet").click();
  await page.getByRole("textbox", { name: "The 24 words, in their order" }).fill(sheet().words);
  await box.check();
  await button(page, "Come back").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/recovery/recover"),
    [{ words: sheet().words, name: "", key_store: "os" }]));
});

onPage("who wants it chooses the kind of key", { identity: null }, async (page, daemon) => {
  await page.getByText("Advanced: kind of key").click();
  assert.ok(await page.getByRole("radio", { name: "Ed25519" }).isChecked());
  await shot(page, "kind-of-key");
  await page.getByRole("textbox", { name: "Your name" }).fill("Alice");
  for (const [name, key] of [["ECDSA on secp256k1", "secp256k1"], ["Ed448", "ed448"]]) {
    await page.getByRole("radio", { name }).check();
    await button(page, "Create identity").click();
    await eventually(() => assert.equal(sent(daemon, "/api/identity").at(-1)?.key, key));
    await button(page, "Create identity").waitFor();
  }
  await page.getByRole("radio", { name: "Ed25519" }).check();
  await button(page, "Create identity").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/identity").at(-1), { name: "Alice", form: "clear" }));
  daemon.show({ identity: identity({ key: "secp256k1" }) });
  await enter(page);
  await page.getByRole("region", { name: "Who you are" }).getByText("ECDSA on secp256k1").waitFor();
});

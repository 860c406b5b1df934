import assert from "node:assert/strict";
import { lobbyist, meeting, member } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage, sent } from "./on-page.js";

const talking = (change) => ({ meeting: meeting(change) });

onPage("an identity is made with the chosen form", { identity: null }, async (page, daemon) => {
  assert.equal(new URL(page.url()).hash, "");
  await page.getByRole("textbox", { name: "Your name" }).fill("Alice");
  await page.getByRole("radio", { name: "Only a fingerprint" }).check();
  await button(page, "Create identity").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/identity"), [{ name: "Alice", form: "commit" }]));
});

onPage("a refusal says what happened and what to do", {}, async (page, daemon) => {
  daemon.answers.set("/api/meetings", [409, { error: "A meeting is running.", next: "Leave it first." }]);
  await page.getByRole("textbox", { name: "Title" }).fill("Weekly");
  await button(page, "Start a meeting").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/meetings"), [{ title: "Weekly" }]));
  await page.getByRole("alert").getByText("Leave it first.").waitFor();
});

onPage("a link is checked before anyone is asked", {}, async (page, daemon) => {
  daemon.answers.set("/api/invite", [200, {
    mid: "12", title: "Weekly review", proof_height: 77,
    leader: { user: "aa", name: "Bob", fingerprint: "1111 2222 3333 4444" },
    checks: [{ name: "meeting", ok: true, text: "The meeting is open." }],
  }]);
  await button(page, "Join with a link").click();
  await page.getByRole("textbox", { name: "Invite link" }).fill("conclave:j/1#x");
  await button(page, "Check the link").click();
  await page.getByText("The meeting is open.").waitFor();
  await button(page, "Camera off").click();
  await button(page, "Camera on").waitFor();
  assert.deepEqual(sent(daemon, "/api/join"), []);
  await button(page, "Ask to come in").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/join"), [{ link: "conclave:j/1#x" }]));
});

onPage("a guest sees how far the request is", talking({
  role: "guest", phase: "waiting", invite: null, members: [], phase_text: "Bob decides.", me: null,
}), async (page, daemon) => {
  await page.getByText("Bob decides.").waitFor();
  await button(page, "Leave").click();
  await eventually(() => assert.equal(sent(daemon, "/api/leave").length, 1));
});

// Without an own index nothing is published, so these tests need no media.
const ALONE = { me: null };

onPage("the leader admits, denies and admits all", talking({
  ...ALONE, lobby: [lobbyist(5, "Dan"), lobbyist(6, "Eve")],
}), async (page, daemon) => {
  const dan = page.getByRole("listitem", { name: "Dan" });
  await dan.getByRole("button", { name: "Deny", exact: true }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/deny"), [{ idx: 5, ban: false }]));
  await button(page, "Admit all").click();
  // Both are asked for at once.
  const admitted = () => sent(daemon, "/api/admit").map(({ idx }) => idx).sort();
  await eventually(() => assert.deepEqual(admitted(), [5, 6]));
});

onPage("hostile names and lines stay text", talking({
  ...ALONE,
  members: [member(1, "<img src=x onerror=alert(1)>"), member(2, "\u202Eevil", { key: "waiting" })],
  chat: [{ id: "1", idx: 1, name: "<b>B</b>", text: "<script>alert(1)</script>", at_ms: 0, me: false }],
}), async (page) => {
  await page.getByRole("article", { name: "<img src=x onerror=alert(1)>" }).waitFor();
  await button(page, "Chat").click();
  await page.getByText("<script>alert(1)</script>").waitFor();
  assert.equal(await page.locator("#page img, #page b, #page script").count(), 0);
});

// An override that nothing ends, and an isolate that takes the end of the element for its own.
const TURNING = "Eve\u202E\u2066";

onPage("a name that leaves an isolate open turns nothing around", talking({
  ...ALONE, title: TURNING, lobby: [lobbyist(6, TURNING)], members: [member(1, TURNING, { hidden: true })],
  chat: [{ id: "1", idx: 1, name: TURNING, text: "hello", at_ms: 0, me: false }],
}), async (page, daemon) => {
  // What people compare stands beside the name.
  await assertStraight(page.getByRole("region", { name: "Lobby" }).getByText("7712 0fe1 92bb c3d4"));
  await button(page, "Chat").click();
  await assertStraight(page.getByRole("log").getByRole("time"));
  await button(page, "People").click();
  await assertStraight(page.getByRole("complementary").getByText("hidden from the ledger"));
  await button(page, "Hand over to Eve\uFFFD\uFFFD").click();
  await assertStraight(page.getByRole("heading", { name: /^Let/ }));
  await button(page, "Cancel").click();
  daemon.notice({ id: "n", level: "info", text: `${TURNING} left`, next: "They may come back." });
  await assertStraight(page.getByText("They may come back."));
  assert.ok(!/[\u202A-\u202E\u2066]/.test(await page.content()));
});

/** The last letter of a text stands to the right of the one before.
 * @param {import("playwright-core").Locator} place
 */
async function assertStraight(place) {
  const [before, last] = await place.evaluate((one) => {
    const walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT,
      (text) => text.textContent?.trim() ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
    const text = /** @type {Node} */ (walk.lastChild());
    const end = text.textContent?.trimEnd().length ?? 0;
    return [end - 2, end - 1].map((at) => {
      const range = document.createRange();
      range.setStart(text, at);
      range.setEnd(text, at + 1);
      return range.getBoundingClientRect().x;
    });
  });
  assert.ok(Number(before) < Number(last), `${before} < ${last}`);
}

onPage("a copied telephone number is sent without what turns it", talking(ALONE), async (page, daemon) => {
  await button(page, "Chat").click();
  await page.getByRole("textbox", { name: "Message" }).fill("\u202A+1 555 0100\u202C");
  await button(page, "Send").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/chat"), [{ text: "+1 555 0100" }]));
});

onPage("kick and ban is asked twice", talking(ALONE), async (page, daemon) => {
  await button(page, "People").click();
  await button(page, "Kick and ban Bob Okafor").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Kick and ban \u2068Bob Okafor\u2069?").waitFor();
  assert.deepEqual(sent(daemon, "/api/kick"), []);
  await dialog.getByRole("button", { name: "Kick and ban" }).click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/kick"), [{ idx: 1, ban: true }]));
});

onPage("the invite is read, drawn and copied", talking(ALONE), async (page) => {
  await button(page, "Invite").click();
  const link = await page.getByRole("textbox", { name: "Link of this meeting" }).inputValue();
  await page.getByRole("img", { name: "QR code of the link" }).waitFor();
  await button(page, "Copy link").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
});

onPage("a message is sent and the field is empty again", talking(ALONE), async (page, daemon) => {
  await button(page, "Chat").click();
  await page.getByRole("textbox", { name: "Message" }).fill("hello");
  await button(page, "Send").click();
  await eventually(() => assert.deepEqual(sent(daemon, "/api/chat"), [{ text: "hello" }]));
  await eventually(async () => assert.equal(await page.getByRole("textbox", { name: "Message" }).inputValue(), ""));
});

onPage("the end says why", talking({ phase: "removed", ended_reason: "The leader removed you." }),
  async (page) => {
    await page.getByText("The leader removed you.").waitFor();
    await button(page, "Done").click();
    await button(page, "Start a meeting").waitFor();
  });

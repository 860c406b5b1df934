/** The parts of the page that are functions of what they are given. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { focus, grid } from "../arrange.js";
import { calendar } from "../ics.js";
import { largest, loudest, speaking } from "../levels.js";
import { landed, links } from "../links.js";
import { isOdd, looks, suspects } from "../lookalike.js";
import { DEFAULTS, read } from "../settings.js";
import { initial, reduce } from "../state.js";
import { trust } from "../trust.js";
import { speak } from "../words.js";
import { anchors, contact, crowd, freshState, identity, meeting, member, met } from "./fake-daemon.js";

await speak("en");

/** No box lies over another or out of the whole. */
function assertApart(boxes, whole) {
  for (const [n, one] of boxes.entries()) {
    assert.ok(one.x >= whole.x - 0.01 && one.y >= whole.y - 0.01);
    assert.ok(one.x + one.width <= whole.x + whole.width + 0.01, "within its width");
    assert.ok(one.y + one.height <= whole.y + whole.height + 0.01, "within its height");
    for (const other of boxes.slice(n + 1)) {
      const apart = one.x + one.width <= other.x + 0.01 || other.x + other.width <= one.x + 0.01
        || one.y + one.height <= other.y + 0.01 || other.y + other.height <= one.y + 0.01;
      assert.ok(apart, `${JSON.stringify(one)} and ${JSON.stringify(other)}`);
    }
  }
}

test("from 1 to 60 tiles nothing overlaps, on any screen, with or without large ones", () => {
  for (const [width, height] of [[1400, 700], [980, 560], [366, 470], [366, 220], [300, 900], [2500, 1200]]) {
    const whole = { x: 0, y: 0, width, height };
    for (let count = 1; count <= 60; count += 1) {
      assertApart(grid(count, whole), whole);
      for (const mains of [1, 2]) {
        const boxes = focus(mains, count, whole);
        assert.equal(boxes.mains.length + boxes.others.length, mains + count);
        assertApart([...boxes.mains, ...boxes.others], whole);
      }
    }
  }
});

test("tiles have the room of their stage, and large ones most of it", () => {
  const whole = { x: 0, y: 0, width: 1400, height: 700 };
  for (const count of [1, 2, 4, 9, 25]) {
    const area = grid(count, whole).reduce((sum, { height, width }) => sum + height * width, 0);
    assert.ok(area > 0.6 * 1400 * 700, `${count}: ${area}`);
  }
  const { mains: [large], others } = focus(1, 8, whole);
  assert.ok(large.width * large.height > 10 * others[0].width * others[0].height);
});

test("whoever is clearly louder speaks, and a cough takes nobody's place", () => {
  const at = (...levels) => new Map(levels.entries());
  assert.equal(speaking(null, at(0, 0.001, 0.01)), null, "the noise of a room");
  assert.equal(speaking(null, at(0, 0.3, 0.1)), 1);
  assert.equal(speaking(1, at(0, 0.2, 0.3)), 1, "hardly louder");
  assert.equal(speaking(1, at(0, 0.1, 0.3)), 2);
  assert.equal(speaking(1, at(0, 0, 0)), 1, "a pause is no end");
  assert.equal(speaking(7, at(0, 0, 0)), null, "who has left speaks no more");
});

test("a short sound is as loud as a long one", () => {
  const samples = new Float32Array(16_384);
  assert.equal(loudest(samples), 0);
  samples.fill(0.1, 9_000, 10_000);
  assert.ok(Math.abs(loudest(samples) - 0.3) < 0.001);
  assert.equal(loudest(samples.fill(1)), 1);
});

test("addresses become links, and only those of the web", () => {
  assert.deepEqual(links("see https://example.org/a?b=c, or http://x.test."), [
    { text: "see " }, { text: "https://example.org/a?b=c", url: "https://example.org/a?b=c", host: "example.org" },
    { text: ", or " }, { text: "http://x.test", url: "http://x.test/", host: "x.test" }, { text: "." },
  ]);
  for (const text of ["javascript:alert(1)", "data:text/html,x", "https://bank.test@evil.test/", "https://", "file:///etc/passwd"]) {
    assert.deepEqual(links(text), [{ text }], text);
  }
  // A look-alike host is told by its other name.
  assert.equal(links("https://\u0430pple.com/")[0].host, "xn--pple-43d.com");
  assert.deepEqual(links(""), []);
});

test("names that mix alphabets or hide marks are suspected, and twins of each other", () => {
  for (const name of ["\u0430lice", "Bob\u200B", "\u0412ob", "Al\u00ADice", "Ali\u0441e Martin"]) assert.ok(isOdd(name), name);
  for (const name of ["Alice Martin", "Алиса Мартин", "Ελένη", "渡辺 ひろし", "محمد", "José Núñez", "Bob 👩‍💻", "O'Neill", "Zoë 3"]) {
    assert.ok(!isOdd(name), name);
  }
  assert.equal(looks("B\u043Eb  Okafor"), looks("Bob Okafor"));
  const bob = { idx: 1, user: "b", name: "Bob" };
  const people = [bob, { idx: 2, user: "c", name: "\u0412\u043Eb" }, { idx: 3, user: "d", name: "Dan" }];
  assert.deepEqual([...suspects(people)], [[1, "twin"], [2, "twin"]]);
  assert.deepEqual([...suspects([{ idx: 3, user: "d", name: "D\u0430n" }], [{ user: "x", name: "Dan" }])], [[3, "twin"]]);
  assert.deepEqual([...suspects([bob, { ...bob, idx: 4 }])], [], "two devices of one person are no twins");
  const [mia, other] = [{ idx: 5, user: "m", name: "Mia", handle: "mia.l" }, { idx: 6, user: "n", name: "Nora", handle: "nora" }];
  assert.deepEqual([...suspects([mia, { ...mia, idx: 7 }, other])], [], "handles of their own");
  assert.deepEqual([...suspects([mia, { ...other, handle: "mia.1" }])], [[5, "twin"], [6, "twin"]], "a handle that looks like another");
  assert.deepEqual([...suspects([{ ...other, name: "Mia.L" }, mia])], [[6, "twin"], [5, "twin"]], "a name that is the handle of somebody else");
});

test("a calendar gets the title, the time and the link, in lines that it can read", () => {
  const text = calendar({
    mid: "12", title: "Räte; Plan, \\ zwei\nZeilen", link: `conclave:j/1#${"x".repeat(200)}`, text: "ü".repeat(120),
    start: new Date("2026-12-01T09:30:00Z"), minutes: 90, now: new Date("2026-11-28T08:00:00Z"),
  });
  assert.ok(text.startsWith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.endsWith("END:VCALENDAR\r\n"));
  for (const line of text.split("\r\n")) assert.ok(Buffer.byteLength(line) <= 75, line);
  const whole = text.replaceAll("\r\n ", "");
  assert.match(whole, /\r\nDTSTART:20261201T093000Z\r\nDTEND:20261201T110000Z\r\n/);
  assert.match(whole, /\r\nSUMMARY:Räte\\; Plan\\, \\\\ zwei\\nZeilen\r\n/);
  assert.ok(whole.includes(`LOCATION:conclave:j/1#${"x".repeat(200)}\r\n`));
  assert.ok(whole.includes(`DESCRIPTION:${"ü".repeat(120)}\r\n`), "no letter is cut in two");
});

test("an invite becomes the address of a page only where somebody still decides", () => {
  const page = "https://a.example.org/join";
  const invite = { link: "conclave:j/1#AbC-_9" };
  assert.equal(landed(page, { invite, policy: { admit: "ask" } }), "https://a.example.org/join#j/1/AbC-_9");
  assert.equal(landed(page, { invite, policy: { admit: "everyone" } }), null, "there the link is a key");
  assert.equal(landed(undefined, { invite }), null);
  assert.equal(landed(page, { invite: null }), null);
});

test("settings that somebody else wrote are read as far as they mean anything", () => {
  for (const nothing of [null, "", "{", "null", "7", "[]"]) assert.deepEqual(read(nothing), DEFAULTS);
  const odd = JSON.stringify({ language: "xx", theme: "dark", scale: 150, keys: false, more: 1, camera: "c1" });
  assert.deepEqual(read(odd), { ...DEFAULTS, theme: "dark", keys: false, camera: "c1" });
});

const at = (change) => reduce(initial, { kind: "state", state: freshState(change) });
const state = (change) => { const screen = at(change); return trust(screen, screen.daemon.meeting); };
const KNOWN = [member(0, "Alice", { me: true, user: "a" }), member(1, "Bob", { met: met(), user: "b" })];

test("the shield says everyone verified, someone new, or something wrong, and why", () => {
  assert.deepEqual(state({ meeting: meeting({ members: KNOWN }) }), { state: "good", reasons: [] });
  for (const first of [undefined, { name: "met", ok: true, text: "you have not met before" }]) {
    const now = state({ meeting: meeting({ members: [KNOWN[0], { ...KNOWN[1], met: first }] }) });
    assert.deepEqual([now.state, now.reasons.length], ["new", 1]);
    assert.match(now.reasons[0].text, /You meet Bob for the first time/);
  }
  assert.equal(state({ meeting: meeting({ members: [...KNOWN, member(2, "B\u043Eb", { met: met(), user: "c" })] }) }).state, "new");
  const wrong = { list: [{ ...anchors().list[0], verdict: "conflict" }] };
  for (const change of [
    { meeting: meeting({ members: [KNOWN[0], { ...KNOWN[1], met: met(false) }] }) },
    { meeting: meeting({ members: KNOWN }), anchors: anchors(wrong) },
    { meeting: meeting({ members: KNOWN }), network: { ...freshState().network, freshness: "stale" } },
    { meeting: meeting({ members: KNOWN }), identity: identity({ rewritten: true }) },
    { meeting: meeting({ members: KNOWN, codes: { ...meeting().codes, evidence: [{ kind: "fork", text: "", parts: [] }] } }) },
  ]) assert.equal(state(change).state, "wrong");
  assert.equal(state({ meeting: meeting({ members: KNOWN }), contacts: [contact("B\u043Eb", 1)] }).state, "new");
});

test("a kept face is large, else the last other who spoke, and in the grid nobody", () => {
  const now = crowd(4, { me: 0 });
  let screen = at({ meeting: now });
  assert.equal(largest(screen, now, false), null);
  screen = reduce(screen, { kind: "layout", layout: "speaker" });
  assert.equal(largest(screen, now, false), 1, "before anybody spoke");
  screen = reduce(screen, { kind: "speaker", idx: 2 });
  screen = reduce(screen, { kind: "speaker", idx: 0 });
  assert.equal(largest(screen, now, false), 2, "nobody wants to see oneself large");
  assert.equal(largest(screen, now, true), null, "a screen is large already");
  screen = reduce(screen, { kind: "pin", idx: 3 });
  assert.equal(largest(screen, now, true), 3);
  screen = reduce(screen, { kind: "state", state: freshState({ meeting: crowd(3, { me: 0 }) }) });
  assert.equal(largest(screen, crowd(3, { me: 0 }), false), 2, "who has left is large no more");
});

test("raised hands and recordings are told", () => {
  const before = at({ meeting: meeting({ members: KNOWN }) });
  const marked = [KNOWN[0], { ...KNOWN[1], hand_ms: 5, recording: true }];
  const now = reduce(before, { kind: "state", state: freshState({ meeting: meeting({ members: marked }) }) });
  assert.equal(now.said, "Bob raised a hand. Bob records this meeting");
  const after = reduce(now, { kind: "state", state: freshState({ meeting: meeting({ members: KNOWN }) }) });
  assert.deepEqual(after.heard.map(({ text }) => text), [now.said, "Bob no longer records"]);
  assert.deepEqual(reduce(after, { kind: "unheard", id: after.heard[0].id }).heard.length, 1);
});

test("every module that the page loads is fetched at once, and no other", async () => {
  const ui = new URL("../", import.meta.url);
  const loaded = new Set();
  const load = async (url) => {
    if (loaded.has(url.href)) return;
    loaded.add(url.href);
    const text = await readFile(url, "utf8");
    for (const [, name] of text.matchAll(/^import\s*(?:[^;"]*?from\s*)?"([^"]+)";|^import\{[^"]*from"(\.[^"]+)"/gm)) {
      if (name) await load(new URL(name, url));
    }
    for (const [, name] of text.matchAll(/\bfrom"(\.[^"]+)"/g)) await load(new URL(name, url));
  };
  await load(new URL("main.js", ui));
  const html = await readFile(new URL("index.html", ui), "utf8");
  const listed = [...html.matchAll(/(?:src|modulepreload" fetchpriority="low" href)="(\.[^"]+\.js)"/g)].map(([, name]) => new URL(name, ui).href);
  assert.deepEqual(listed.sort(), [...loaded].sort());
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { key, read, source, to } from "../explorer/route.js";
import { concerns, initial, reduce } from "../explorer/state.js";
import { cut } from "../explorer/text.js";

const ID = "ab".repeat(32);
const block = (height) => ({
  height, time_ms: height * 1000, digest: ID, proposer: ID, identity: 1, meeting: 0, size: 1000,
});
const tx = (id, about = ID) => ({
  id, height: 5, time_ms: 5000, ledger: "identity", index: 0, kind: "RegisterUser",
  words: [{ text: "User " }, { text: "abababab…", to: { kind: "user", id: about } }],
});
const tick = (heights, txs = []) => ({
  blocks: heights.map(block), txs, rate: 2, waiting: 1, identity: 7, meeting: 8,
  reach: { from: 1, txs: 15 },
});
const overview = {
  name: "n", chain_id: ID, validator: ID, validators: 4, height: 3, time_ms: 3000, now_ms: 5000,
  rate: 0, waiting: 0, identity: 0, meeting: 0, reach: { from: 1, txs: 0 },
  blocks: [block(3), block(2)], txs: [],
};
const after = (...happenings) => happenings.reduce(reduce, initial);
const began = { kind: "overview", overview, now: 4000 };

test("an address leads to one place, and what is none leads nowhere", () => {
  assert.deepEqual(read(""), { name: "overview" });
  assert.deepEqual(read(`#/user/${ID}`), { name: "user", id: ID });
  assert.deepEqual(read("#/block/12?from=100"), { name: "block", id: "12", from: 100 });
  assert.deepEqual(read("#/search/%40ada%20b"), { name: "search", query: "@ada b" });
  assert.deepEqual(read("#/search/%"), { name: "search", query: "" });
  for (const hash of ["#/user/abc", "#/user/../x", "#/block/-1", "#/block/1/2", "#/admin", `#/tx/${ID}0`]) {
    assert.deepEqual(read(hash), { name: "nowhere" }, hash);
  }
});

test("a place is asked for where the validator has it", () => {
  assert.equal(source(read(to({ kind: "meeting", id: ID }))), `meetings/${ID}`);
  assert.equal(source(read(`#/tx/${ID}`)), `tx/${ID}`);
  assert.equal(source(read("#/block/7")), "blocks/7?from=0");
  assert.equal(source(read("#/search/a%26b")), "search?q=a%26b");
  assert.equal(source(read("#/")), null);
  assert.notEqual(key(read("#/block/7")), key(read("#/block/7?from=100")));
});

test("the lists grow by what became final, each block once", () => {
  const screen = after(began, { kind: "tick", tick: tick([5, 4], [tx("a")]) },
    { kind: "tick", tick: tick([5, 4], [tx("a")]) });
  assert.deepEqual(screen.overview?.blocks.map(({ height }) => height), [5, 4, 3, 2]);
  assert.deepEqual(screen.overview?.txs.map(({ id }) => id), ["a"]);
  assert.equal(screen.overview?.height, 5);
});

test("the lists stay short", () => {
  const heights = Array.from({ length: 50 }, (_, n) => 60 - n);
  assert.equal(after(began, { kind: "tick", tick: tick(heights) }).overview?.blocks.length, 20);
});

test("paused lists stand still and the counts go on", () => {
  const screen = after(began, { kind: "pause", on: true }, { kind: "tick", tick: tick([5, 4], [tx("a")]) });
  assert.deepEqual(screen.overview?.blocks.map(({ height }) => height), [3, 2]);
  assert.equal(screen.overview?.height, 5);
});

test("an answer that comes after one went on is dropped", () => {
  const [first, second] = [read("#/block/1"), read("#/block/2")];
  const screen = after({ kind: "go", route: first }, { kind: "go", route: second },
    { kind: "loaded", route: first, data: 1 }, { kind: "failed", route: first, text: "no" });
  assert.equal(screen.loaded, null);
  assert.equal(screen.failure, null);
  assert.equal(reduce(screen, { kind: "loaded", route: second, data: 2 }).loaded?.data, 2);
});

test("a place is asked for again when something about it became final", () => {
  const about = tick([5], [tx("a", ID)]);
  assert.ok(concerns(read(`#/user/${ID}`), about));
  assert.ok(!concerns(read(`#/user/${"cd".repeat(32)}`), about));
  assert.ok(concerns(read("#/validators"), tick([5])));
  assert.ok(!concerns(read("#/block/5"), about));
});

test("a listener is told of a lost connection, once", () => {
  const lost = after({ kind: "live", to: "live" }, { kind: "live", to: "lost" });
  assert.equal(lost.said, "The connection to the validator is lost");
  assert.equal(reduce(lost, { kind: "live", to: "live" }).said, "Connected again");
});

test("a long text of others is cut between characters", () => {
  assert.equal(cut("a".repeat(10_000), 80).length, 81);
  assert.equal(cut("👩👩👩", 2), "👩👩…");
  assert.equal(cut("short", 80), "short");
});

test("a text of others loses what would turn around the text beside it, and keeps its own direction", () => {
  assert.equal(cut("a\u202Eb\u2066c\u2069\u0000\nd", 80), "a�b�c���d");
  assert.equal(cut("\u05D3\u05E0\u05D4\u200F ada", 80), "\u05D3\u05E0\u05D4\u200F ada");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { news } from "../news.js";
import { initial, place, reduce } from "../state.js";
import { assign, remoteStreams } from "../receive.js";
import { speak } from "../words.js";
import { contact, device, freshState, handed, identity, lobbyist, meeting, member, sheet, waiting } from "./fake-daemon.js";

await speak("en");
const PREVIEW = { mid: "12", title: "T", leader: { user: "", name: "", fingerprint: "" }, proof_height: 1, checks: [] };
const at = (change) => reduce(initial, { kind: "state", state: freshState(change) });

test("the daemon's state decides the screen", () => {
  assert.equal(place(initial), "loading");
  assert.equal(place(at({ identity: null })), "welcome");
  assert.equal(place(at({})), "home");
  assert.equal(place(at({ meeting: meeting({ phase: "waiting" }) })), "waiting");
  assert.equal(place(at({ meeting: meeting() })), "meeting");
  for (const phase of ["left", "ended", "denied", "removed", "failed"]) {
    assert.equal(place(at({ meeting: meeting({ phase }) })), "over");
  }
});

test("a meeting that is over is closed once, and the next one is shown", () => {
  const ended = meeting({ phase: "ended" });
  const closed = reduce(at({ meeting: ended }), { kind: "close", mid: ended.mid });
  assert.equal(place(closed), "home");
  const next = freshState({ meeting: meeting({ mid: "34".repeat(32) }) });
  assert.equal(place(reduce(closed, { kind: "state", state: next })), "meeting");
});

test("a meeting that is entered once more leaves no preview, and its second end is shown", () => {
  const left = meeting({ phase: "left" });
  let screen = reduce(at({ meeting: left }), { kind: "close", mid: left.mid });
  screen = reduce(screen, { kind: "go", screen: "join" });
  screen = reduce(screen, { kind: "preview", link: "conclave:j/1#x", preview: { ...PREVIEW, mid: left.mid } });
  screen = reduce(screen, { kind: "state", state: freshState({ meeting: meeting({ phase: "waiting" }) }) });
  assert.deepEqual([place(screen), screen.preview], ["waiting", null]);
  screen = reduce(screen, { kind: "state", state: freshState({ meeting: meeting({ phase: "ended" }) }) });
  assert.equal(place(screen), "over");
});

test("a preview lasts until the meeting begins", () => {
  let screen = reduce(at({}), { kind: "go", screen: "join" });
  screen = reduce(screen, { kind: "preview", link: "conclave:j/1#x", preview: PREVIEW });
  assert.equal(place(screen), "preview");
  screen = reduce(screen, { kind: "state", state: freshState({ meeting: meeting() }) });
  assert.equal(place(screen), "meeting");
  assert.equal(screen.preview, null);
});

test("listeners are told who came, left and asks", () => {
  const before = meeting();
  const now = meeting({ members: [before.members[0], member(2, "Carla")], lobby: [lobbyist(3, "Dan")] });
  assert.equal(news(before, now), "Carla joined. Bob Okafor left. Dan asks to come in");
  assert.equal(at({ meeting: now }).said, "", "nothing is news to who comes in");
});

test("chat counts as read while it is open", () => {
  const line = { id: "1", idx: 1, name: "Bob", text: "hi", at_ms: 0, me: false };
  const closed = at({ meeting: meeting({ chat: [line] }) });
  assert.equal(closed.read, 0);
  assert.equal(reduce(closed, { kind: "panel", panel: "chat" }).read, 1);
});

test("a question about somebody who left is withdrawn", () => {
  const asking = reduce(at({ meeting: meeting() }), { kind: "ask", question: { act: "kick", idx: 1, ban: false } });
  const alone = freshState({ meeting: meeting({ members: [meeting().members[0]] }) });
  assert.equal(reduce(asking, { kind: "state", state: alone }).question, null);
});

test("a question about a device or a contact that is gone is withdrawn", () => {
  const [bob, two] = [contact("Bob", 1), identity({ devices: [device(0, { me: true }), device(1)] })];
  const before = at({ identity: two, contacts: [bob] });
  const gone = freshState({ identity: identity({ devices: [two.devices[0], device(1, { active: false })] }) });
  for (const question of [{ act: "revoke", device: device(1).device }, { act: "forget", user: bob.user }]) {
    const asking = reduce(before, { kind: "ask", question });
    assert.equal(reduce(asking, { kind: "state", state: before.daemon }).question, question);
    assert.equal(reduce(asking, { kind: "state", state: gone }).question, null);
  }
  const rotating = reduce(before, { kind: "ask", question: { act: "rotate" } });
  assert.notEqual(reduce(rotating, { kind: "state", state: gone }).question, null);
});

test("a meeting that is over is not ended twice", () => {
  const asking = reduce(at({ meeting: meeting() }), { kind: "ask", question: { act: "end" } });
  const ended = freshState({ meeting: meeting({ phase: "ended" }) });
  assert.equal(reduce(asking, { kind: "state", state: ended }).question, null);
});

test("a link to hand over lives no longer than its screen", () => {
  const offered = reduce(at({}), { kind: "handed", handed: handed("d"), screen: "offer" });
  assert.equal(place(offered), "offer");
  for (const happening of [{ kind: "go", screen: "identity" }, { kind: "state", state: freshState({ meeting: meeting() }) }]) {
    assert.equal(reduce(offered, happening).handed, null);
  }
});

test("the words of a sheet live no longer than its two screens", () => {
  const drawn = reduce(at({}), { kind: "drawn", drawn: { sheet: sheet(), ask: [3, 17] } });
  assert.equal(place(drawn), "sheet");
  const proof = reduce(drawn, { kind: "proof", on: true });
  assert.deepEqual([place(proof), proof.drawn], ["proof", drawn.drawn]);
  assert.deepEqual(reduce(proof, { kind: "proof", on: false }), drawn);
  for (const happening of [{ kind: "go", screen: "identity" }, { kind: "state", state: freshState({ meeting: meeting() }) }]) {
    assert.equal(reduce(proof, happening).drawn, null);
  }
});

test("a computer that comes back by its sheet shows the wait until the ledger has it", () => {
  const recovery = waiting({ what: "recovery", device: null, mine: true, may_cancel: false });
  const waits = freshState({ identity: identity({ registered: false, devices: [], waits: [recovery] }) });
  assert.equal(place(reduce(initial, { kind: "state", state: waits })), "recovering");
  assert.equal(place(at({ identity: identity({ waits: [{ ...recovery, mine: false }] }) })), "home");
  let screen = reduce(at({ identity: null }), { kind: "go", screen: "recover" });
  assert.equal(place(screen), "recover");
  // The key is there before the command is answered: what was typed stays until then.
  const unknown = freshState({ identity: identity({ registered: false, devices: [] }) });
  screen = reduce(reduce(screen, { kind: "typed", words: 24 }), { kind: "state", state: unknown });
  assert.deepEqual([place(screen), screen.typed], ["recover", 24]);
  screen = reduce(screen, { kind: "go", screen: "recovering" });
  assert.deepEqual([place(screen), screen.typed], ["recovering", 0]);
  screen = reduce(screen, { kind: "state", state: waits });
  // It was called off.
  assert.equal(place(reduce(screen, { kind: "state", state: unknown })), "home");
  screen = reduce(screen, { kind: "state", state: freshState() });
  assert.equal(place(screen), "home");
});

test("a new device shows its link until the ledger has it", () => {
  const accepting = reduce(at({ identity: null }), { kind: "go", screen: "accept" });
  assert.equal(place(accepting), "accept");
  let screen = reduce(accepting, { kind: "handed", handed: handed("a"), screen: "answer" });
  assert.equal(place(screen), "answer");
  screen = reduce(screen, { kind: "state", state: freshState({ identity: identity({ registered: false }) }) });
  assert.deepEqual([place(screen), screen.handed], ["answer", handed("a")]);
  screen = reduce(screen, { kind: "state", state: freshState() });
  assert.deepEqual([place(screen), screen.handed], ["home", null]);
});

test("each remote stream keeps its slot, and a freed slot is used again", () => {
  const streams = [{ stream_no: 0, kind: "audio", live: true }, { stream_no: 1, kind: "video", live: true }];
  const all = remoteStreams([member(0, "A", { me: true, streams }), member(1, "B", { streams }), member(2, "C", { streams })]);
  assert.deepEqual(all.map(({ key }) => key), ["1/audio", "1/video", "2/audio", "2/video"]);
  let made = 0;
  const add = (media) => ({ key: null, media, n: made++ });
  const slots = [];
  assign(slots, all, add);
  assign(slots, remoteStreams([member(2, "C", { streams }), member(3, "D", { streams })]), add);
  assert.equal(made, 4);
  assert.deepEqual(slots.map(({ key }) => key), ["3/audio", "3/video", "2/audio", "2/video"]);
});

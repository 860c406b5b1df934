/** Captions: the browser's recogniser on this computer, or none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ability, Captioner } from "../captions.js";
import { freshState, meeting, member } from "./fake-daemon.js";
import { button, eventually } from "./helpers.js";
import { onPage } from "./on-page.js";
import { shot } from "./shots.js";

const LOCAL = { langs: ["en-GB"], processLocally: true };

/** A recogniser as browsers have it; what it was asked for is kept. */
function recogniser(found, { local = true, keeps = true } = {}) {
  const asked = [];
  const started = [];
  class Kind {
    static async available(wanted) { asked.push(wanted); return found; }
    start() { started.push(this); }
    abort() {}
  }
  if (local) Object.defineProperty(Kind.prototype, "processLocally", keeps
    ? { value: false, writable: true } : { get: () => false, set: () => undefined });
  return { Kind, asked, started };
}

test("only what is recognised on this computer counts as ready", async () => {
  assert.equal(await ability(undefined, "en-GB"), "none");
  for (const [found, able] of [["available", "ready"], ["downloadable", "fetch"], ["downloading", "fetch"], ["unavailable", "cloud"], ["", "cloud"]]) {
    const { Kind, asked } = recogniser(found);
    assert.equal(await ability(Kind, "en-GB"), able, found);
    assert.deepEqual(asked, [LOCAL]);
  }
  assert.equal(await ability(recogniser("available", { local: false }).Kind, "en-GB"), "cloud", "it takes no notice of the wish");
  class Refuses { static available() { return Promise.reject(new Error("no")); } }
  Object.defineProperty(Refuses.prototype, "processLocally", { value: false, writable: true });
  assert.equal(await ability(Refuses, "en-GB"), "cloud");
});

test("a recogniser that will not stay on this computer is never started", () => {
  for (const [keeps, starts] of [[true, 1], [false, 0]]) {
    const { Kind, started } = recogniser("available", { keeps });
    const told = [];
    new Captioner((happening) => told.push(happening), Kind).start({}, "en-GB", 0);
    assert.equal(started.length, starts);
    assert.deepEqual(told, keeps ? [] : [{ kind: "able", able: "cloud" }]);
    if (keeps) assert.equal(started[0].processLocally, true);
  }
});

test("one that ends at once is not started again and again", () => {
  const { Kind, started } = recogniser("available");
  const told = [];
  new Captioner((happening) => told.push(happening), Kind).start({}, "en-GB", 0);
  started[0].onend();
  assert.equal(started.length, 1);
  assert.deepEqual(told, [{ kind: "able", able: "failed" }]);
});

const TALK = meeting({ members: [member(0, "Alice Martin", { me: true, leader: true, link: "self" }), member(1, "Bob Okafor")] });

/** Puts a recogniser into the browser, and opens the page anew. */
async function install(page, found) {
  await page.addInitScript((found) => {
    localStorage.setItem("settings", JSON.stringify({ captions: true }));
    const all = /** @type {any} */ (globalThis);
    all.recognisers = [];
    all.SpeechRecognition = class {
      static available = async () => all.found ?? found;
      static install = async () => { all.found = "available"; return true; };
      processLocally = false;
      start(track) { this.track = track; all.recognisers.push(this); }
      abort() { this.aborted = true; }
    };
    Object.defineProperty(all.SpeechRecognition.prototype, "processLocally", { value: false, writable: true });
  }, found);
  await page.reload();
}

/** What the recogniser hears. */
const hears = (page, text, isFinal) => page.evaluate(([text, isFinal]) => {
  const one = /** @type {any} */ (globalThis).recognisers.at(-1);
  one.onresult({ resultIndex: 0, results: [{ 0: { transcript: text }, isFinal }] });
}, [text, isFinal]);
const running = (page) => page.evaluate(() => /** @type {any} */ (globalThis).recognisers
  .map(({ aborted, lang, processLocally, track }) => [lang, processLocally, track?.kind, aborted === true]));

onPage("own words appear under the tiles while one is heard, and only in the own window", {
  ...freshState(), meeting: TALK,
}, async (page, daemon) => {
  await install(page, "available");
  const slot = page.getByRole("region", { name: "Captions" });
  await slot.getByText("What you say appears here.").waitFor();
  await eventually(async () => assert.deepEqual(await running(page), [["en-US", true, "audio", false]]));
  await hears(page, "the figures of no", false);
  await slot.getByText("the figures of no").waitFor();
  await hears(page, "The figures of November are in.", true);
  await hears(page, "<b>Two</b> things are open.", false);
  await eventually(async () => assert.deepEqual(await slot.getByRole("log").locator("p").allInnerTexts(),
    ["Alice Martin The figures of November are in.", "Alice Martin <b>Two</b> things are open."]));
  await shot(page, "captions");
  await button(page, "Mute").click();
  await eventually(async () => assert.equal((await running(page)).at(-1)[3], true, "who is mute is not listened to"));
  await button(page, "Unmute").click();
  await eventually(async () => assert.equal((await running(page)).length, 2));
  assert.deepEqual(daemon.asked.filter(({ body }) => JSON.stringify(body ?? "").includes("figures")), [], "nobody is told");
});

onPage("a language is fetched by who presses for it, not before", { ...freshState(), meeting: TALK }, async (page) => {
  await install(page, "downloadable");
  await page.getByText("once it has fetched the language from its maker").waitFor();
  assert.deepEqual(await running(page), []);
  await shot(page, "captions-fetch");
  await button(page, "Fetch the language").click();
  await eventually(async () => assert.equal((await running(page)).length, 1));
});

onPage("where the voice would go to a server, captions stay off and say so", { ...freshState(), meeting: TALK }, async (page) => {
  await install(page, "unavailable");
  await page.getByText("recognises this language only by sending what you say to its maker").waitFor();
  assert.deepEqual(await running(page), []);
  await button(page, "More").click();
  await button(page, "Settings").click();
  await page.getByRole("checkbox", { name: "Captions of what I say" }).uncheck();
  await page.getByRole("region", { name: "Captions" }).waitFor({ state: "detached" });
});

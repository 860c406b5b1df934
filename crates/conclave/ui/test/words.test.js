import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { LANGUAGES, PARTS, load, many, preferred, rich, speak, t } from "../words.js";

const UI = new URL("../", import.meta.url);
const en = await load("en");
const kind = (key) => key.split(".")[0];
const places = (text) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

for (const language of Object.keys(LANGUAGES)) {
  test(`${LANGUAGES[language]} says everything, and nothing else`, async () => {
    const words = await load(language);
    assert.deepEqual(Object.keys(words).filter((key) => !(key in en)), [], "keys that nobody knows");
    assert.deepEqual(Object.keys(en).filter((key) => !(key in words)), [], "keys that are missing");
    for (const [key, text] of Object.entries(en)) {
      assert.notEqual(words[key].trim(), "", `${key} is empty`);
      assert.deepEqual(places(words[key]), places(text), `the places of ${key}`);
      assert.ok(!/[\u202A-\u202E\u2066-\u2069]|<\w/.test(words[key]), `${key} holds marks or markup`);
    }
    for (const part of PARTS) {
      const [here, there] = await Promise.all([language, "en"].map((name) => import(`../words/${name}/${part}.js`)));
      assert.deepEqual(Object.keys(here.words), Object.keys(there.words), `${part} has the words that English has there, in its order`);
    }
    // Who speaks to the page says what stands on a button (WCAG 2.5.3).
    for (const key of Object.keys(en).filter((key) => /\.(who|what)$/.test(key))) {
      const shown = key.replace(/\.(who|what)$/, "");
      if (shown in en) assert.ok(words[key].includes(words[shown]), `${key} begins with what ${shown} shows`);
    }
  });
}

test("every word is used, and every word that is used is there", async () => {
  const sources = [];
  for (const dir of ["./", "./view/"]) {
    for (const name of await readdir(new URL(dir, UI))) {
      if (name.endsWith(".js")) sources.push(await readFile(new URL(`${dir}${name}`, UI), "utf8"));
    }
  }
  const all = sources.join("\n");
  const quoted = new Set([...all.matchAll(/"([\w.-]+)"/g)].map(([, text]) => text));
  assert.deepEqual(Object.keys(en).filter((key) => !quoted.has(key)), [], "words that nobody says");
  const called = [...all.matchAll(/\b(?:t|rich)\("([\w.-]+)"/g)].map(([, key]) => key);
  assert.deepEqual(called.filter((key) => !(key in en)), [], "words that are not there");
});

test("a word lies where the others of its kind lie, and no file is left over", async () => {
  const places = new Map();
  for (const part of PARTS) {
    const keys = Object.keys((await import(`../words/en/${part}.js`)).words);
    assert.ok(keys.length <= 300, `${part} is to be divided`);
    assert.deepEqual(keys, [...keys].sort(), part);
    for (const key of keys) {
      assert.equal(places.get(kind(key)) ?? part, part, `${key} lies apart`);
      places.set(kind(key), part);
    }
  }
  const files = (await readdir(new URL("words/", UI), { recursive: true })).filter((name) => name.endsWith(".js"));
  const listed = Object.keys(LANGUAGES).flatMap((language) => PARTS.map((part) => `${language}/${part}.js`));
  assert.deepEqual(files.sort(), listed.sort());
});

test("no view says anything that is not a message", async () => {
  const said = [];
  for (const name of await readdir(new URL("./view/", UI))) {
    const text = await readFile(new URL(`./view/${name}`, UI), "utf8");
    // Text between two tags that has two words or more.
    for (const [, found] of text.replace(/\/\*[^]*?\*\//g, "").matchAll(/>\s*([A-Z][a-z]+ [a-z][^<>${}`]*)</g)) {
      said.push(`${name}: ${found}`);
    }
  }
  assert.deepEqual(said, []);
});

test("places are filled, also with markup, and counted as the language counts", async () => {
  await speak("en");
  assert.equal(t("news.joined", { name: "Bob {name}" }), "Bob {name} joined");
  assert.deepEqual(rich("codes.kept", { file: 7 }), ["The proof is kept in ", 7, " for whoever has to see it."]);
  assert.equal(many(1, "lobby.one", "lobby.many"), "One person asks to come in");
  assert.equal(many(3, "lobby.one", "lobby.many"), "3 people ask to come in");
  await speak("de");
  assert.match(t("news.joined", { name: "Bob" }), /^Bob /);
  assert.notEqual(t("tools.mute"), "Mute");
  await speak("en");
  assert.equal(t("tools.mute"), "Mute");
});

test("the first language of the browser that the page speaks is taken", () => {
  assert.equal(preferred(["nl-NL", "fr-CA", "de"]), "fr");
  assert.equal(preferred(["zh-Hant-TW"]), "zh");
  assert.equal(preferred(["nl"]), "en");
  assert.equal(preferred([]), "en");
});

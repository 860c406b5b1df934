/**
 * The words of the page, in the language of the person. What the daemon says stays as it is. They
 * lie in `words/LANGUAGE/PART.js`, where English is the list that the other languages follow.
 *
 * @typedef {keyof typeof import("./words/en/identity.js").words
 *   | keyof typeof import("./words/en/meeting.js").words
 *   | keyof typeof import("./words/en/page.js").words} Key
 * @typedef {Record<Key, string>} Words
 * @typedef {"de" | "en" | "es" | "fr" | "zh"} Language
 */

/** The languages there are, each called as it calls itself. @type {Record<Language, string>} */
export const LANGUAGES = { de: "Deutsch", en: "English", es: "Español", fr: "Français", zh: "中文" };

/** The files of a language, by what is on the screen. A word's kind, which is what stands before its
 * first dot, lies in one of them. */
export const PARTS = ["identity", "meeting", "page"];

/** What dates and numbers follow. @type {Record<Language, string>} */
const LOCALES = { de: "de", en: "en-GB", es: "es", fr: "fr", zh: "zh-CN" };

/** Of one language only: nobody loads words that are not read. @type {Words} */
let words;
let locale = LOCALES.en;

/** What dates within sentences are written in. */
export const dates = () => locale;

/**
 * One message, with its `{places}` filled.
 *
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  return words[key].replace(PLACE, (_, name) => String(values[name] ?? ""));
}

/**
 * One message whose places are filled with markup.
 *
 * @param {Key} key
 * @param {Record<string, unknown>} values
 * @returns {unknown[]}
 */
export function rich(key, values) {
  return words[key].split(PLACE).map((part, n) => n % 2 ? values[part] ?? "" : part);
}

/**
 * One of two messages, as the language counts.
 *
 * @param {number} count
 * @param {Key} one
 * @param {Key} other
 * @param {Record<string, string | number>} [values]
 */
export function many(count, one, other, values = {}) {
  return t(new Intl.PluralRules(locale).select(count) === "one" ? one : other, { count, ...values });
}

/**
 * The first language of the browser that the page speaks.
 *
 * @param {readonly string[]} wanted
 * @returns {Language}
 */
export function preferred(wanted) {
  const known = wanted.map((name) => name.slice(0, 2).toLowerCase()).find((name) => name in LANGUAGES);
  return /** @type {Language} */ (known ?? "en");
}

/**
 * Speaks this language from now on; nothing is said before the first time.
 *
 * @param {Language} language
 */
export async function speak(language) {
  words = await load(language);
  locale = LOCALES[language];
}

/**
 * All words of a language, its files fetched at once.
 *
 * @param {Language} language
 * @returns {Promise<Words>}
 */
export async function load(language) {
  const parts = await Promise.all(PARTS.map((part) => import(`./words/${language}/${part}.js`)));
  return Object.assign({}, ...parts.map(({ words }) => words));
}

const PLACE = /\{(\w+)\}/g;

/**
 * Names that look like what they are not: letters of several scripts in one word, unseen marks, twins.
 *
 * @typedef {{ user: string, name: string, handle?: string }} Named
 */

/**
 * Whether a name mixes scripts within a word, or holds marks that nobody sees.
 *
 * @param {string} name
 */
export function isOdd(name) {
  if (UNSEEN.test(name.replace(EMOJI, ""))) return true;
  return (name.match(/[\p{L}\p{M}]+/gu) ?? []).some((word) =>
    SCRIPTS.filter((script) => script.test(word)).length > 1);
}

/**
 * What a name looks like: letters of other scripts as the Latin ones that they resemble.
 *
 * @param {string} name
 */
export function looks(name) {
  const plain = name.normalize("NFKD").replace(/[\p{M}\p{Cf}\s]/gu, "").toLowerCase();
  return [...plain].map((letter) => TWINS.get(letter) ?? letter).join("");
}

/**
 * The people whose names or handles cannot be told from somebody else's, or are not what they seem.
 *
 * @param {(Named & { idx: number })[]} people
 * @param {Named[]} [known] people met before
 * @returns {Map<number, "odd" | "twin">}
 */
export function suspects(people, known = []) {
  /** @type {Map<number, "odd" | "twin">} */
  const found = new Map();
  for (const one of people) {
    const seen = called(one);
    const twin = [...people, ...known].some((other) =>
      other.user !== one.user && called(other).some((name) => seen.includes(name)));
    if (twin) found.set(one.idx, "twin");
    else if (isOdd(one.name)) found.set(one.idx, "odd");
  }
  return found;
}

/** What somebody may be taken for. A handle is ASCII, so it can be a twin and nothing else.
 * @param {Named} person
 */
const called = ({ handle, name }) => [name, handle ?? ""].map(looks).filter((seen) => seen !== "");

const UNSEEN = /[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180E\u200B-\u200F\u2028\u2029\u2060-\u2064\u206A-\u206F\u3164\uFEFF\uFFA0\uFFFD]/u;
const EMOJI = /\p{Extended_Pictographic}(\uFE0F|\u200D|\p{Extended_Pictographic}|\p{EMod})*/gu;
/** Scripts that are mixed with others only to deceive; the East Asian ones belong together. */
const SCRIPTS = [
  /\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u,
  /\p{Script=Hebrew}/u, /\p{Script=Arabic}/u, /\p{Script=Cherokee}/u, /\p{Script=Georgian}/u,
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u,
];
/** Letters of other scripts, each with the Latin one that it looks like. */
const TWINS = new Map((
  "аa вb сc еe нh іi јj кk мm оo рp ѕs тt уy хx ԁd ԛq ԝw һh ӏl гr пn иu "
  + "αa βb γy εe ηn ιi κk νv οo ρp τt υu χx ωw "
  + "օo սu հh ոn ցg քp յj ıi 0o 1l |l"
).split(" ").map((pair) => /** @type {[string, string]} */ ([...pair])));

/**
 * What others wrote, without the marks that turn the direction of text. An isolating element alone does not hold
 * them: an isolate that the text opens and leaves open ends with the element in the place of the element's
 * own (UAX 9, BD9), and what follows is turned around.
 *
 * @param {string} text
 */
export const straight = (text) => text.replace(TURNS, "\uFFFD");

/** What somebody typed or pasted here, without the same marks: copied telephone numbers bring them along.
 * @param {string} text
 */
export const typed = (text) => text.replace(TURNS, "");

/** JSON in which every text is straight, so that no view has to think of it.
 * @param {string} json
 * @returns {any}
 */
export const parse = (json) => JSON.parse(json, (_, value) => typeof value === "string" ? straight(value) : value);

/** Embeddings and overrides, isolates. */
const TURNS = /[\u202A-\u202E\u2066-\u2069]/g;

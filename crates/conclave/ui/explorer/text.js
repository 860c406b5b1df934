import { straight } from "../text.js";

/** The beginning of an id: enough to tell it from others.
 * @param {string} id
 */
export const short = (id) => `${id.slice(0, 8)}…`;

/** A text of others: one line, without marks that turn the direction, cut where it would fill the page.
 * @param {string} text
 * @param {number} most characters
 */
export function cut(text, most) {
  const plain = straight(text).replace(CONTROLS, "\uFFFD");
  const characters = Array.from(plain);
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : plain;
}

const CONTROLS = /[\u0000-\u001F\u007F-\u009F]/g;

/** @param {number} value */
export const number = (value) => value.toLocaleString("en-GB");

/** How many transactions of which ledger are in a block.
 * @param {{ identity: number, meeting: number }} block
 */
export function counted({ identity, meeting }) {
  if (identity + meeting === 0) return "empty";
  return [identity && `${identity} identity`, meeting && `${meeting} meeting`].filter(Boolean).join(", ");
}

import { dates } from "../words.js";

/**
 * Reads a form when it is sent; the page itself never navigates.
 *
 * @param {(field: (name: string) => string, form: HTMLFormElement) => void} send
 * @returns {(event: SubmitEvent) => void}
 */
export function fields(send) {
  return (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const data = new FormData(form);
    send((name) => String(data.get(name) ?? "").trim(), form);
  };
}

/**
 * @param {number} ms
 * @returns {string}
 */
export function age(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** @param {number} ms */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString(dates(), { hour: "2-digit", minute: "2-digit" });
}

/** A day as one says it; the year only if it is another one.
 * @param {number} ms
 */
export function day(ms) {
  const date = new Date(ms);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(dates(), { day: "numeric", month: "long", year });
}

/** A moment that is near, in local time.
 * @param {number} ms
 */
export function moment(ms) {
  return `${new Date(ms).toLocaleDateString(dates(), { weekday: "long" })}, ${day(ms)}, ${clock(ms)}`;
}

/** A day as it is written on paper.
 * @param {number} ms
 */
export function date(ms) {
  return new Date(ms).toLocaleDateString(dates(), { day: "numeric", month: "long", year: "numeric" });
}

/** What the daemon says, as a sentence.
 * @param {string} text
 */
export function sentence(text) {
  const [first = "", ...rest] = text;
  if (!first) return "";
  return `${first.toUpperCase()}${rest.join("")}${/[.!?…。！？]$/.test(text) ? "" : "."}`;
}

/** Enough of an id to tell it from others.
 * @param {string} id
 */
export function short(id) {
  return id.slice(0, 8);
}

/** Letters for a person without a picture.
 * @param {string} name
 */
export function initials(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu)?.slice(0, 2) ?? [];
  return words.map((word) => [...word][0]).join("").toUpperCase() || "?";
}

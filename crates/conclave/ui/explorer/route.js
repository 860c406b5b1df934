/** @import { Route, Target } from "./types.js" */

/**
 * Where the address leads. What is no place of this page leads nowhere.
 *
 * @param {string} hash as the browser has it, with its `#`
 * @returns {Route}
 */
export function read(hash) {
  const [path = "", asked = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name = "", id = "", ...more] = path.split("/");
  if (more.length) return { name: "nowhere" };
  switch (name) {
    case "":
      return { name: "overview" };
    case "validators":
    case "anchors":
      return { name };
    case "search":
      return { name, query: decode(id) };
    case "block": {
      const from = Number(new URLSearchParams(asked).get("from") ?? 0);
      return /^\d{1,16}$/.test(id) ? { name, id, from: Number.isSafeInteger(from) ? from : 0 } : { name: "nowhere" };
    }
    case "device":
    case "meeting":
    case "tx":
    case "user":
    case "validator":
      return /^[0-9a-f]{64}$/.test(id) ? { name, id } : { name: "nowhere" };
    default:
      return { name: "nowhere" };
  }
}

/** The address of something.
 * @param {Target} target
 */
export const to = ({ kind, id }) => `#/${kind}/${id}`;

/**
 * What to ask the validator for a place; nothing where nothing more is needed.
 *
 * @param {Route} route
 * @returns {string | null}
 */
export function source(route) {
  switch (route.name) {
    case "overview":
    case "nowhere":
      return null;
    case "validators":
    case "anchors":
      return route.name;
    case "search":
      return `search?q=${encodeURIComponent(route.query)}`;
    case "block":
      return `blocks/${route.id}?from=${route.from}`;
    case "tx":
      return `tx/${route.id}`;
    default:
      return `${route.name}s/${route.id}`;
  }
}

/** A name for a place, to tell one from another.
 * @param {Route} route
 */
export const key = (route) => source(route) ?? route.name;

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** @import { Tick } from "./types.js" */
import { parse } from "../text.js";

/**
 * Asks the validator that served this page.
 *
 * @param {string} path below `/explorer/`
 * @returns {Promise<any>}
 */
export async function get(path) {
  let response;
  try {
    response = await fetch(`/explorer/${path}`);
  } catch {
    throw new Refused("The validator does not answer. It may be restarting; this page tries again.", true);
  }
  if (response.ok) return parse(await response.text());
  const waits = response.status === 429 || response.status === 503;
  throw new Refused(await reason(response), waits);
}

/** Why there is no answer, in words; and whether it helps to wait. */
export class Refused extends Error {
  /**
   * @param {string} text
   * @param {boolean} waits
   */
  constructor(text, waits) {
    super(text);
    this.waits = waits;
  }
}

/** @param {Response} response */
async function reason(response) {
  try {
    const { error } = parse(await response.text());
    const text = String(error);
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  } catch {
    return `The validator answered ${response.status}.`;
  }
}

/**
 * Hears what becomes final for as long as the page is open; the browser reconnects by itself.
 *
 * @param {(tick: Tick) => void} onTick
 * @param {(to: "live" | "lost") => void} onChange
 */
export function follow(onTick, onChange) {
  const events = new EventSource("/explorer/events");
  events.addEventListener("open", () => onChange("live"));
  events.addEventListener("error", () => onChange("lost"));
  events.addEventListener("message", ({ data }) => onTick(parse(data)));
}

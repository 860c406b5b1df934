/** @import { Happening, Overview, Route, Screen, Tick } from "./types.js" */
import { key } from "./route.js";

/** @type {Screen} */
export const initial = {
  route: { name: "overview" },
  overview: null,
  loaded: null,
  failure: null,
  live: "connecting",
  paused: false,
  skew: 0,
  said: "",
};

/**
 * The screen after one more happening. Pure: the only place where what is shown changes.
 *
 * @param {Screen} screen
 * @param {Happening} happening
 * @returns {Screen}
 */
export function reduce(screen, happening) {
  switch (happening.kind) {
    case "go":
      return { ...screen, route: happening.route, loaded: null, failure: null, said: "" };
    case "overview": {
      const { overview } = happening;
      return { ...screen, overview, skew: overview.now_ms - happening.now };
    }
    case "tick":
      return { ...screen, overview: grown(screen, happening.tick) };
    case "loaded":
      // An answer that comes after the person went on is of no use.
      if (key(happening.route) !== key(screen.route)) return screen;
      return { ...screen, loaded: { key: key(happening.route), data: happening.data }, failure: null };
    case "failed":
      if (key(happening.route) !== key(screen.route)) return screen;
      return { ...screen, loaded: null, failure: happening.text, said: happening.text };
    case "live":
      return { ...screen, live: happening.to, said: heard(screen, happening.to) };
    case "pause":
      return { ...screen, paused: happening.on, said: happening.on ? "Paused" : "Live again" };
  }
}

/**
 * The overview with what became final since. While it is paused, its lists stand still.
 *
 * @param {Screen} screen
 * @param {Tick} tick
 * @returns {Overview | null}
 */
function grown({ overview, paused }, tick) {
  if (!overview) return null;
  const newest = tick.blocks[0];
  const counts = {
    rate: tick.rate, waiting: tick.waiting, identity: tick.identity, meeting: tick.meeting,
    reach: tick.reach, height: newest?.height ?? overview.height,
    time_ms: newest?.time_ms ?? overview.time_ms,
  };
  if (paused) return { ...overview, ...counts };
  const fresh = tick.blocks.filter(({ height }) => height > (overview.blocks[0]?.height ?? 0));
  const known = new Set(overview.txs.map(({ id }) => id));
  const txs = tick.txs.filter(({ id }) => !known.has(id));
  return {
    ...overview, ...counts,
    blocks: [...fresh, ...overview.blocks].slice(0, LINES),
    txs: [...txs, ...overview.txs].slice(0, LINES),
  };
}

/**
 * Whether what is shown may have changed by what became final.
 *
 * @param {Route} route
 * @param {Tick} tick
 * @returns {boolean}
 */
export function concerns(route, tick) {
  switch (route.name) {
    case "anchors":
    case "validators":
    case "validator":
      return true;
    case "device":
    case "meeting":
    case "user": {
      const { id } = route;
      return tick.txs.some(({ words }) => words.some(({ to }) => to?.id === id));
    }
    default:
      return false;
  }
}

/** What a listener is told about the connection: nothing while nothing changes.
 * @param {Screen} screen
 * @param {"live" | "lost"} to
 */
function heard(screen, to) {
  if (to === screen.live || screen.live === "connecting") return screen.said;
  return to === "lost" ? "The connection to the validator is lost" : "Connected again";
}

/** Lines of each list on the overview. */
const LINES = 20;

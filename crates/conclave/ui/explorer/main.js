/** @import { Actions, Happening } from "./types.js" */
import { Refused, follow, get } from "./api.js";
import { render } from "../node_modules/lit-html/lit-html.js";
import { key, read, source } from "./route.js";
import { concerns, initial, reduce } from "./state.js";
import { page, title } from "./view/page.js";

let screen = { ...initial, route: read(location.hash) };
let drawing = false;
let shown = "";
/** Places that are being asked for, so that a busy ledger is not asked twice at once. */
const asking = new Set();

/** @param {Happening} happening */
function tell(happening) {
  screen = reduce(screen, happening);
  if (drawing) return;
  drawing = true;
  queueMicrotask(draw);
}

function draw() {
  drawing = false;
  const root = /** @type {HTMLElement} */ (document.getElementById("page"));
  const before = document.activeElement;
  render(page(screen, actions), root);
  document.title = title(screen);
  // Focus moves to what opened, so that keyboard and screen reader begin there; and stays there when
  // the answer takes the place of the waiting.
  const opened = key(screen.route);
  const moved = shown !== "" && opened !== shown;
  const lost = before?.tagName === "H1" && !before.isConnected;
  if (moved || lost) root.querySelector("h1")?.focus({ preventScroll: lost });
  if (moved) scrollTo(0, 0);
  shown = opened;
}

/** Asks for what the present place shows. */
async function load() {
  const { route } = screen;
  const path = source(route);
  if (!path || asking.has(path)) return;
  asking.add(path);
  try {
    tell({ kind: "loaded", route, data: await get(path) });
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    // What is shown already stays, if it is only a matter of waiting.
    if (!cause.waits || !screen.loaded) tell({ kind: "failed", route, text: cause.message });
  } finally {
    asking.delete(path);
  }
}

/** Asks for the overview; its lists grow by themselves from then on. */
async function begin() {
  try {
    tell({ kind: "overview", overview: await get("overview"), now: Date.now() });
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
  }
}

/** @type {Actions} */
const actions = {
  tell,
  search: (query) => { location.hash = `#/search/${encodeURIComponent(query)}`; },
};

addEventListener("hashchange", () => {
  tell({ kind: "go", route: read(location.hash) });
  void load();
});
follow((tick) => {
  tell({ kind: "tick", tick });
  if (!screen.paused && concerns(screen.route, tick)) void load();
}, (to) => {
  tell({ kind: "live", to });
  // Whatever became final while nobody listened is in the overview.
  if (to === "live") void begin();
});
draw();
void begin();
void load();

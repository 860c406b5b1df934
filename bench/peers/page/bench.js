/**
 * What our page costs with nine pictures in motion, and how soon something is seen of it, beside
 * Galene's page in the same Chromium (docs/bench.md). One figure per line on standard output,
 * `{"name":…,"value":…,"unit":…,"rounds":[…]}`; the value is the median of the rounds, in which the
 * pages take turns.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { World } from "../../../crates/conclave/ui/test/world.js";
import { enterConclave } from "./conclave.js";
import { cost } from "./cost.js";
import { Far } from "./far.js";
import { Galene, fetchGalene } from "./galene.js";

const USAGE = `Usage: node bench.js [OPTIONS]

  --only PART     tiles or paint; else both
  --rounds N      rounds of nine pictures (5)
  --seconds N     how long each page is measured in a round (15)
  --settle N      how long each is left alone before, in seconds (12)
  --loads N       how often each page is loaded for the first paint (15)
  --video WxH@R   every camera (320x180@15)
  --galene DIR    a copy of Galene's repository; else it is fetched into the target directory`;

const OTHERS = 8;
const VIEWPORT = { width: 1440, height: 900 };

const { values } = parseArgs({ options: {
  only: { type: "string" }, galene: { type: "string" }, help: { type: "boolean" },
  rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "15" },
  settle: { type: "string", default: "12" }, loads: { type: "string", default: "15" },
  video: { type: "string", default: "320x180@15" },
} });
const [, width, height, rate] = (/^(\d+)x(\d+)@(\d+)$/.exec(values.video) ?? []).map(Number);
if (values.help || !rate || ![undefined, "tiles", "paint"].includes(values.only)) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 2);
}
const video = { width, height, rate };

async function tiles() {
  const pages = {
    "conclave": (context, far) => enterConclave(context, far, OTHERS),
    "galene": (context, far) => galene.enter(context, far, OTHERS, false),
    "galene-alike": (context, far) => galene.enter(context, far, OTHERS, true),
  };
  /** @type {Map<string, number[]>} */
  const figures = new Map();
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const who of turned(Object.keys(pages), round)) {
      const found = await nine(pages[who]);
      // What is measured while pictures are late or small says nothing.
      const whole = found.picture_width === width && found.frames_s > 0.8 * rate;
      if (whole) for (const [name, value] of Object.entries(found)) note(figures, `tiles/${name}/${who}`, value);
      const short = JSON.stringify(found, (_, value) => typeof value === "number" ? Number(value.toFixed(1)) : value);
      const left = whole ? "" : " (left out: the machine does not keep up)";
      console.error(`round ${round + 1}, load ${loadavg()[0]?.toFixed(2)}: ${who}${left} ${short}`);
    }
  }
  tell(figures, (name) => UNITS[name.split("/")[1]] ?? "%");
}

/** @type {Record<string, string>} */
const UNITS = { pictures: "1", pictures_kpx: "kpx", picture_width: "px", frames_s: "1/s" };

/**
 * One page with nine pictures, measured, in a Chromium that has nothing else.
 *
 * @param {(context: import("playwright-core").BrowserContext, far: Far) => Promise<{ page: import("playwright-core").Page, end: () => void }>} enter
 */
async function nine(enter) {
  const [chrome, others] = await Promise.all([launch(), launch()]);
  try {
    const far = await Far.open(others, video);
    const context = await chrome.newContext({ viewport: VIEWPORT });
    await context.grantPermissions(["camera", "microphone"]);
    await context.addInitScript(alike, video);
    const { page, end } = await enter(context, far);
    await page.mouse.move(5, VIEWPORT.height - 5);
    await page.waitForFunction((count) => [...document.querySelectorAll("video")].filter(({ videoWidth }) => videoWidth > 0).length === count, OTHERS + 1);
    await page.waitForTimeout(1000 * Number(values.settle));
    const found = await cost(chrome, page, Number(values.seconds));
    end();
    return found;
  } finally {
    await Promise.all([chrome.close(), others.close()]);
  }
}

/**
 * Runs in each page before its own scripts: the own camera is the same, whatever the page asks of
 * it, and connections can be looked at.
 *
 * @param {import("./far.js").Video} video
 */
function alike({ width, height, rate }) {
  const devices = navigator.mediaDevices;
  const get = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wish) => get({ ...wish, ...wish?.video ? { video: { width, height, frameRate: rate } } : {} });
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(options) {
      super(options);
      globalThis.connections.push(this);
    }
  };
}

/** How soon something is seen of each page, and the largest part of it, nothing being cached. */
async function paint() {
  const world = await World.found(1);
  try {
    const daemon = await world.daemon("person");
    const urls = { conclave: daemon.url, galene: galene.url };
    /** @type {Map<string, number[]>} */
    const figures = new Map();
    const chrome = await launch();
    for (let load = 0; load <= Number(values.loads); load += 1) {
      for (const who of turned(Object.keys(urls), load)) {
        const context = await chrome.newContext({ viewport: VIEWPORT });
        const page = await context.newPage();
        await page.goto(urls[who]);
        await page.waitForTimeout(500);
        const { first, largest } = await page.evaluate(painted);
        await context.close();
        // The first load warms up the browser itself.
        if (load === 0) continue;
        note(figures, `paint/first_ms/${who}`, first);
        note(figures, `paint/largest_ms/${who}`, largest);
      }
    }
    await chrome.close();
    tell(figures, () => "ms");
  } finally {
    await world.end();
  }
}

/** Runs in the page. */
function painted() {
  const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
  return new Promise((resolve) => new PerformanceObserver((list) =>
    resolve({ first, largest: list.getEntries().at(-1)?.startTime ?? NaN })).observe({ type: "largest-contentful-paint", buffered: true }));
}

function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--no-first-run",
      "--disable-background-networking", "--disable-features=WebRtcHideLocalIpsWithMdns",
    ],
  });
}

/** @param {string[]} names @param {number} round */
function turned(names, round) {
  const by = round % names.length;
  return [...names.slice(by), ...names.slice(0, by)];
}

/** @param {Map<string, number[]>} figures @param {string} name @param {number} value */
function note(figures, name, value) {
  figures.set(name, [...figures.get(name) ?? [], Number(value.toFixed(2))]);
}

/** @param {Map<string, number[]>} figures @param {(name: string) => string} unit */
function tell(figures, unit) {
  for (const [name, rounds] of figures) {
    const sorted = rounds.toSorted((one, other) => one - other);
    const half = (sorted.length - 1) / 2;
    const value = Number(((sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2).toFixed(2));
    console.log(JSON.stringify({ name, value, unit: unit(name), rounds }));
  }
}

const galene = await Galene.serve(values.galene ?? await fetchGalene());
if (values.only !== "paint") await tiles();
if (values.only !== "tiles") await paint();
galene.close();

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

/**
 * Chromium with a made-up camera and microphone: its own, or those of a file.
 *
 * @param {string} [camera] path of a `.mjpeg` and a `.wav` without their endings
 */
export function browser(camera) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
      "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--auto-select-tab-capture-source-by-title=Conclave",
      ...camera ? [`--use-file-for-fake-video-capture=${camera}.mjpeg`,
        `--use-file-for-fake-audio-capture=${camera}.wav`] : [],
    ],
  });
}

/** A page that remembers everything the console complained about.
 * @param {import("playwright-core").Browser} chrome
 * @param {string} url
 * @param {import("playwright-core").BrowserContextOptions} [options]
 * @param {(page: import("playwright-core").Page) => Promise<void>} [prepare] what comes before the page
 */
export async function open(chrome, url, options = {}, prepare = undefined) {
  const context = await chrome.newContext({ locale: "en-US", timezoneId: "UTC", ...options });
  await context.grantPermissions(["camera", "microphone", "clipboard-read", "clipboard-write"]);
  // Two cores carry several pages: a small picture is asked of the camera.
  await context.addInitScript(() => localStorage.setItem("video", "320x180@15"));
  // Statistics are read from the page's own connections.
  await context.addInitScript(() => {
    const all = /** @type {any} */ (globalThis);
    all.connections = [];
    all.RTCPeerConnection = class extends RTCPeerConnection {
      /** @param {RTCConfiguration} [options] */
      constructor(options) {
        super(options);
        all.connections.push(this);
      }
    };
  });
  if (process.env.PAGE_FROM_DISK) await fromDisk(context);
  if (process.env.LATE) await late(context, Number(process.env.LATE));
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await prepare?.(page);
  await page.goto(url);
  return { page, complaints };
}

/**
 * The files of the page come from this directory, not from the program, which carries those it was
 * built with: for whoever works on the page. All else is the daemon's, the rules about it, too.
 *
 * @param {import("playwright-core").BrowserContext} context
 */
async function fromDisk(context) {
  const isFile = (/** @type {URL} */ { pathname }) => pathname === "/" || /\.(css|html|js|svg)$/.test(pathname);
  await context.route(isFile, async (route) => {
    const response = await route.fetch();
    const { pathname } = new URL(route.request().url());
    const file = new URL(`..${pathname === "/" ? "/index.html" : pathname}`, import.meta.url);
    const { "content-length": _, ...headers } = response.headers();
    // A file that is new is not in the program at all.
    const type = TYPES[file.pathname.split(".").at(-1) ?? ""] ?? "";
    await route.fulfill({ status: 200, headers: { ...headers, "content-type": type }, body: await readFile(file) });
  });
}

/**
 * Every question to the daemon is held up for up to that long, at random: for whoever looks for a test
 * that does not wait for what it reads.
 *
 * @param {import("playwright-core").BrowserContext} context
 * @param {number} most in milliseconds
 */
async function late(context, most) {
  await context.route(({ pathname }) => pathname.startsWith("/api/"), async (route) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * most));
    await route.fallback();
  });
}

/** @type {Record<string, string>} */
const TYPES = { css: "text/css", html: "text/html", js: "text/javascript", svg: "image/svg+xml" };

/**
 * Axe finds nothing to object to.
 *
 * @param {import("playwright-core").Page} page
 */
export async function assertAccessible(page) {
  // Evaluated by the browser's debugger, so the page's own policy stays in force.
  await page.evaluate(await readFile(new URL(import.meta.resolve("axe-core")), "utf8"));
  const found = await page.evaluate(async () => {
    // @ts-expect-error axe was put there one line above
    const { violations } = await globalThis.axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
  assert.deepEqual(found, []);
}

import { chromium } from "playwright-core";

/** Debian's Chromium with a made-up camera and microphone. */
export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
      "--disable-quic", "--no-first-run", "--disable-background-networking",
    ],
  });
}

/** A page that remembers everything the console complained about.
 * @param {import("playwright-core").Browser} chrome
 * @param {string} url
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function open(chrome, url, options = {}) {
  const context = await chrome.newContext(options);
  await context.grantPermissions(["camera", "microphone", "clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

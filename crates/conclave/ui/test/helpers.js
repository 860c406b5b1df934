/**
 * What a person does with the page, for tests with real daemons.
 *
 * @import { Page } from "playwright-core"
 */

/** @param {Page} page @param {string} name */
const button = (page, name) => page.getByRole("button", { name, exact: true });

/**
 * @param {Page} page
 * @param {string} name
 */
export async function createIdentity(page, name) {
  await page.getByRole("textbox", { name: "Your name" }).fill(name);
  await button(page, "Create identity").click();
  await button(page, "Join with a link").waitFor();
}

/**
 * @param {Page} page
 * @param {string} title
 */
export async function startMeeting(page, title) {
  await page.getByRole("textbox", { name: "Title" }).fill(title);
  await button(page, "Start a meeting").click();
  await button(page, "Invite").waitFor({ timeout: 60_000 });
}

/** @param {Page} page */
export async function inviteLink(page) {
  await button(page, "Invite").click();
  const link = await page.getByRole("textbox", { name: "Link of this meeting" }).inputValue();
  await button(page, "Close").click();
  return link;
}

/**
 * Asks to come in; the leader decides afterwards.
 *
 * @param {Page} page
 * @param {string} link
 */
export async function join(page, link) {
  await button(page, "Join with a link").click();
  await page.getByRole("textbox", { name: "Invite link" }).fill(link);
  await button(page, "Check the link").click();
  await button(page, "Ask to come in").click({ timeout: 60_000 });
}

/**
 * Admits everyone once that many ask.
 *
 * @param {Page} page
 * @param {number} count
 */
export async function admitAll(page, count) {
  const asks = page.getByRole("region", { name: "Lobby" }).getByRole("button", { name: "Admit", exact: true });
  await asks.nth(count - 1).waitFor({ timeout: 60_000 });
  await button(page, count === 1 ? "Admit" : "Admit all").click();
}

/**
 * @param {Page} page
 * @param {string} name
 */
export const tile = (page, name) => page.getByRole("article", { name, exact: true });

/**
 * How many pictures of somebody are shown within that time.
 *
 * @param {Page} page
 * @param {string} name
 * @param {number} ms
 */
export function decodedFrames(page, name, ms) {
  return tile(page, name).locator("video").evaluate((video, ms) => new Promise((resolve) => {
    let frames = 0;
    const count = () => {
      frames += 1;
      /** @type {HTMLVideoElement} */ (video).requestVideoFrameCallback(count);
    };
    /** @type {HTMLVideoElement} */ (video).requestVideoFrameCallback(count);
    setTimeout(() => resolve(frames), ms);
  }), ms);
}

/**
 * Mean red, green and blue of somebody's picture.
 *
 * @param {Page} page
 * @param {string} name
 * @returns {Promise<number[]>}
 */
export function tileColour(page, name) {
  return tile(page, name).locator("video").evaluate((video) => {
    const canvas = new OffscreenCanvas(16, 16);
    const draw = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    draw.drawImage(/** @type {HTMLVideoElement} */ (video), 0, 0, 16, 16);
    const { data } = draw.getImageData(0, 0, 16, 16);
    return [0, 1, 2].map((at) => {
      let sum = 0;
      for (let n = at; n < data.length; n += 4) sum += data[n];
      return Math.round(sum / 256);
    });
  });
}

/**
 * Frequency of the loudest tone heard from somebody, in hertz; 0 in silence.
 *
 * @param {Page} page
 * @param {string} name
 * @returns {Promise<number>}
 */
export function toneOf(page, name) {
  return tile(page, name).locator("audio").evaluate(async (audio) => {
    const context = new AudioContext();
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    const stream = /** @type {MediaStream} */ (/** @type {HTMLAudioElement} */ (audio).srcObject);
    context.createMediaStreamSource(stream).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    let best = { level: -90, hertz: 0 };
    // The made-up microphone beeps once a second.
    for (let n = 0; n < 30; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      analyser.getFloatFrequencyData(bins);
      bins.forEach((level, bin) => {
        if (level > best.level) best = { level, hertz: bin * context.sampleRate / analyser.fftSize };
      });
    }
    await context.close();
    return best.hertz;
  });
}

/**
 * @param {Page} page
 * @param {string} text
 */
export async function chat(page, text) {
  const field = page.getByRole("textbox", { name: "Message" });
  if (!await field.isVisible()) await button(page, "Chat").click();
  await field.fill(text);
  await button(page, "Send").click();
}

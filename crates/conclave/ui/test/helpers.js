/**
 * What a person does with the page, for tests with real daemons.
 *
 * @import { Page } from "playwright-core"
 */
import assert from "node:assert/strict";

/** @param {Page} page @param {string} name */
export const button = (page, name) => page.getByRole("button", { name, exact: true });

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
 * Waits until that many pictures of somebody were shown.
 *
 * @param {Page} page
 * @param {string} name
 * @param {number} [count]
 */
export async function moves(page, name, count = 10) {
  const shown = tile(page, name).locator("video").evaluate((video, count) => new Promise((resolve) => {
    let frames = 0;
    const next = () => {
      frames += 1;
      if (frames === count) resolve(frames);
      else /** @type {HTMLVideoElement} */ (video).requestVideoFrameCallback(next);
    };
    /** @type {HTMLVideoElement} */ (video).requestVideoFrameCallback(next);
  }), count);
  await within(shown, `${name} moves`);
}

/**
 * Waits until somebody is heard at that pitch.
 *
 * @param {Page} page
 * @param {string} name
 * @param {number} hertz
 */
export async function sounds(page, name, hertz) {
  let heard = 0;
  for (let n = 0; n < 10; n += 1) {
    heard = await toneOf(page, name);
    if (Math.abs(heard - hertz) < 20) return;
  }
  throw new Error(`${name} is heard at ${heard} Hz, not ${hertz}`);
}

/**
 * Waits until somebody is heard at all.
 *
 * @param {Page} page
 * @param {string} name
 */
export async function heard(page, name) {
  await eventually(async () => assert.ok(await toneOf(page, name) > 100, `${name} is heard`));
}

/**
 * Opens the page anew. What else the machine does may come between once, not each time.
 *
 * @param {Page} page
 * @param {() => Promise<unknown>} shows what is to be seen again
 */
export async function reloads(page, shows) {
  let took = Infinity;
  for (let n = 0; took >= 3000 && n < 3; n += 1) {
    const began = Date.now();
    await page.reload();
    await shows();
    took = Date.now() - began;
    console.log(`the page opened anew showed it after ${took} ms`);
  }
  assert.ok(took < 3000, `a reload costs ${took} ms`);
}

/**
 * Looks again and again until what is asserted holds, for thirty seconds at most.
 *
 * @param {() => unknown} look
 */
export async function eventually(look) {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      await look();
      return;
    } catch (cause) {
      if (Date.now() > end) throw cause;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * @template T
 * @param {Promise<T>} work
 * @param {string} what
 * @returns {Promise<T>}
 */
async function within(work, what) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not happen in 30 s that ${what}`)), 30_000);
  });
  try {
    return await Promise.race([work, /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Counts every picture that the page shows of others, from now on.
 *
 * @param {Page} page
 */
export function countFrames(page) {
  return page.evaluate(() => {
    const all = /** @type {any} */ (globalThis);
    all.pictures = 0;
    for (const video of document.querySelectorAll(".tile:not(.mine) video")) {
      const count = () => {
        all.pictures += 1;
        /** @type {HTMLVideoElement} */ (video).requestVideoFrameCallback(count);
      };
      /** @type {HTMLVideoElement} */ (video).requestVideoFrameCallback(count);
    }
  });
}

/** How many there were. @param {Page} page @returns {Promise<number>} */
export const countedFrames = (page) => page.evaluate(() => /** @type {any} */ (globalThis).pictures);

/** Waits until the page has closed its connections and drawn what had come before. @param {Page} page */
export async function allClosed(page) {
  await page.waitForFunction(() => /** @type {any} */ (globalThis).connections
    .every((/** @type {RTCPeerConnection} */ one) => one.signalingState === "closed"));
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/**
 * When somebody's first picture is shown, in milliseconds since 1970.
 *
 * @param {Page} page
 * @param {string} name
 * @returns {Promise<number>}
 */
export function firstFrame(page, name) {
  return page.evaluate((name) => new Promise((resolve) => {
    const look = () => {
      const video = /** @type {HTMLVideoElement | null} */ (
        document.querySelector(`.tile[aria-label="${name}"] video`));
      if (video) video.requestVideoFrameCallback(() => resolve(Date.now()));
      else setTimeout(look, 5);
    };
    look();
  }), name);
}

/**
 * Packets that the page has got from its daemon so far and that never came, by stream.
 *
 * @param {Page} page
 * @returns {Promise<Record<string, { lost: number, received: number }>>}
 */
export function packets(page) {
  return page.evaluate(async () => {
    /** @type {Record<string, { lost: number, received: number }>} */
    const streams = {};
    for (const connection of /** @type {any} */ (globalThis).connections) {
      for (const { type, ssrc, packetsLost, packetsReceived } of (await connection.getStats()).values()) {
        if (type === "inbound-rtp") streams[ssrc] = { lost: packetsLost, received: packetsReceived };
      }
    }
    return streams;
  });
}

/**
 * The colour most of somebody's picture has: red, green and blue.
 *
 * @param {Page} page
 * @param {string} name
 * @returns {Promise<number[]>}
 */
export function tileColour(page, name) {
  return tile(page, name).locator("video").evaluate((video) => {
    const canvas = new OffscreenCanvas(32, 18);
    const draw = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    draw.drawImage(/** @type {HTMLVideoElement} */ (video), 0, 0, 32, 18);
    const { data } = draw.getImageData(0, 0, 32, 18);
    return [0, 1, 2].map((at) => {
      const channel = data.filter((_, n) => n % 4 === at).sort();
      return channel[channel.length / 2] ?? 0;
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
function toneOf(page, name) {
  return tile(page, name).locator("audio").evaluate(async (audio) => {
    const context = new AudioContext();
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    const stream = /** @type {MediaStream} */ (/** @type {HTMLAudioElement} */ (audio).srcObject);
    context.createMediaStreamSource(stream).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    let best = { level: -90, hertz: 0 };
    // The made-up microphones beep.
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

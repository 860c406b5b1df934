/**
 * What a page costs: time of its main thread as Chromium counts it, and CPU time of threads and
 * processes as the kernel counts it (proc(5), so Linux alone).
 *
 * @import { Browser, Page } from "playwright-core"
 */
import { readFile } from "node:fs/promises";

/** Ticks a second in `/proc/PID/stat`, on every Linux. */
const TICKS = 100;

/**
 * Looks at a page from outside for that long.
 *
 * @param {Browser} chrome with this page alone
 * @param {Page} page
 * @param {number} seconds
 * @returns {Promise<Record<string, number>>} shares in percent of the time, or of one core
 */
export async function cost(chrome, page, seconds) {
  const [inside, outside] = [await page.context().newCDPSession(page), await chrome.newBrowserCDPSession()];
  await inside.send("Performance.enable");
  const frames = await pictures(page);
  const before = await look(inside, outside);
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  const after = await look(inside, outside);
  const shown = await pictures(page);
  const passed = after.metrics.Timestamp - before.metrics.Timestamp;
  const metric = (name) => 100 * (after.metrics[name] - before.metrics[name]) / passed;
  const used = after.processes.map((now) => {
    const then = before.processes.find(({ pid }) => pid === now.pid) ?? { all: 0, main: 0 };
    return { type: now.type, all: 100 * (now.all - then.all) / passed, main: 100 * (now.main - then.main) / passed };
  });
  const of = (type) => used.filter((one) => one.type === type);
  const sum = (some) => some.reduce((sum, { all }) => sum + all, 0);
  return {
    main_busy: metric("TaskDuration"),
    main_scripts: metric("ScriptDuration"),
    main_style_layout: metric("RecalcStyleDuration") + metric("LayoutDuration"),
    main_cpu: Math.max(...of("renderer").map(({ main }) => main)),
    renderer_cpu: sum(of("renderer")),
    gpu_cpu: sum(of("GPU")),
    chromium_cpu: sum(used),
    pictures: shown.count,
    pictures_kpx: shown.area / 1000,
    picture_width: shown.width,
    frames_s: (shown.frames - frames.frames) / ((shown.at - frames.at) / 1000) / shown.streams,
  };
}

/**
 * @param {import("playwright-core").CDPSession} inside
 * @param {import("playwright-core").CDPSession} outside
 */
async function look(inside, outside) {
  const { metrics } = await inside.send("Performance.getMetrics");
  const { processInfo } = await outside.send("SystemInfo.getProcessInfo");
  const processes = await Promise.all(processInfo.map(async ({ id, type }) => ({ pid: id, type, ...await used(id) })));
  return { metrics: Object.fromEntries(metrics.map(({ name, value }) => [name, value])), processes };
}

/** Seconds of CPU time of a process, and of its main thread.
 * @param {number} pid
 */
async function used(pid) {
  const [stat, main] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile(`/proc/${pid}/schedstat`, "utf8")]);
  // The name, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { all: (Number(fields[11]) + Number(fields[12])) / TICKS, main: Number(main.split(" ")[0]) / 1e9 };
}

/** Pictures that are seen, and how many frames of those of others were decoded.
 * @param {Page} page
 */
function pictures(page) {
  return page.evaluate(async () => {
    const seen = [...document.querySelectorAll("video")].filter((video) => video.videoWidth > 0 && video.clientWidth > 0);
    const reports = await Promise.all(globalThis.connections.map((connection) => connection.getStats()));
    const streams = reports.flatMap((report) => [...report.values()])
      .filter(({ type, kind, framesDecoded }) => type === "inbound-rtp" && kind === "video" && framesDecoded > 0);
    return {
      at: performance.now(), count: seen.length, streams: streams.length,
      area: seen.reduce((sum, { clientWidth, clientHeight }) => sum + clientWidth * clientHeight, 0),
      frames: streams.reduce((sum, { framesDecoded }) => sum + framesDecoded, 0),
      width: Math.min(...streams.map(({ frameWidth }) => frameWidth)),
    };
  });
}

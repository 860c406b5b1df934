/**
 * Records what this page shows and plays into one WebM file on this computer. The tiles are drawn on
 * a canvas, everything heard is mixed; nothing leaves the page but the file.
 */
import { focus } from "./arrange.js";
import { initials } from "./view/form.js";

export class Recorder {
  /**
   * @param {HTMLElement} stage the tiles
   * @param {() => MediaStream | null} own camera and microphone of this computer
   * @param {(failed: boolean) => void} onEnd
   */
  constructor(stage, own, onEnd) {
    this.stage = stage;
    this.own = own;
    this.onEnd = onEnd;
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [SIZE.width, SIZE.height];
    this.sound = new AudioContext();
    this.mixed = this.sound.createMediaStreamDestination();
    /** @type {Map<string, MediaStreamAudioSourceNode>} */
    this.sources = new Map();
    this.failed = false;
  }

  /**
   * @param {string} name of the file
   * @returns {Promise<boolean>} false when the person chose no place for it
   */
  async start(name) {
    const place = await chosen(name);
    if (place === null) return false;
    const file = place ?? new Kept(name);
    await this.sound.resume();
    this.draw();
    this.timer = setInterval(() => this.draw(), 1000 / RATE);
    const tracks = [...this.canvas.captureStream(RATE).getTracks(), ...this.mixed.stream.getTracks()];
    const recorder = this.recorder = new MediaRecorder(new MediaStream(tracks), { mimeType: TYPE });
    let written = Promise.resolve();
    recorder.addEventListener("dataavailable", ({ data }) => {
      written = written.then(() => file.write(data)).catch(() => this.fail());
    });
    recorder.addEventListener("stop", () => {
      this.close();
      void written.then(() => file.close()).catch(() => this.fail()).then(() => this.onEnd(this.failed));
    });
    recorder.start(CHUNK_MS);
    return true;
  }

  stop() {
    if (this.recorder?.state === "recording") this.recorder.stop();
  }

  /** The disk is full, or the file was taken away. */
  fail() {
    this.failed = true;
    this.stop();
  }

  close() {
    clearInterval(this.timer);
    for (const track of this.mixed.stream.getTracks()) track.stop();
    void this.sound.close();
  }

  draw() {
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    pen.fillStyle = "#101613";
    pen.fillRect(0, 0, SIZE.width, SIZE.height);
    const tiles = /** @type {HTMLElement[]} */ ([...this.stage.querySelectorAll(":scope > .tile")]);
    const mains = tiles.filter((tile) => tile.classList.contains("main"));
    const others = tiles.filter((tile) => !mains.includes(tile));
    const boxes = focus(mains.length, others.length, SIZE);
    mains.forEach((tile, n) => drawTile(pen, tile, boxes.mains[n]));
    others.forEach((tile, n) => drawTile(pen, tile, boxes.others[n]));
    this.mix();
  }

  /** Everyone who is heard now is heard in the file. */
  mix() {
    const heard = [...this.stage.querySelectorAll("audio")].map(({ srcObject }) => srcObject);
    /** @type {Set<string>} */
    const now = new Set();
    for (const stream of [...heard, this.own()]) {
      if (!(stream instanceof MediaStream) || stream.getAudioTracks().length === 0) continue;
      const id = stream.getAudioTracks().map((track) => track.id).join();
      now.add(id);
      if (this.sources.has(id)) continue;
      const source = this.sound.createMediaStreamSource(stream);
      source.connect(this.mixed);
      this.sources.set(id, source);
    }
    for (const [id, source] of this.sources) {
      if (now.has(id)) continue;
      source.disconnect();
      this.sources.delete(id);
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {HTMLElement} tile
 * @param {import("./arrange.js").Box | undefined} box
 */
function drawTile(pen, tile, box) {
  if (!box) return;
  const video = tile.querySelector("video");
  const name = tile.getAttribute("aria-label") ?? "";
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.width, box.height);
  pen.clip();
  pen.fillStyle = "#2b3531";
  pen.fillRect(box.x, box.y, box.width, box.height);
  if (video && !video.hidden && video.videoWidth > 0) drawVideo(pen, video, box, tile.classList.contains("screen"));
  else write(pen, initials(name), box.x + box.width / 2, box.y + box.height / 2, Math.min(64, box.height / 3), "center");
  write(pen, name.slice(0, 60), box.x + 12, box.y + box.height - 14, 18, "left");
  pen.restore();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {HTMLVideoElement} video
 * @param {import("./arrange.js").Box} box
 * @param {boolean} whole a screen is shown whole, a face fills its tile
 */
function drawVideo(pen, video, box, whole) {
  const [wide, high] = [box.width / video.videoWidth, box.height / video.videoHeight];
  const scale = whole ? Math.min(wide, high) : Math.max(wide, high);
  const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
  pen.drawImage(video, box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {number} size
 * @param {CanvasTextAlign} align
 */
function write(pen, text, x, y, size, align) {
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textAlign = align;
  pen.textBaseline = align === "center" ? "middle" : "alphabetic";
  pen.shadowColor = "#000";
  pen.shadowBlur = 4;
  pen.fillStyle = "#f2f6f4";
  pen.fillText(text, x, y);
}

/** A file that grows in memory, where the browser lets nothing grow on disk. */
class Kept {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    /** @type {Blob[]} */
    this.parts = [];
  }

  /** @param {Blob} part */
  async write(part) {
    this.parts.push(part);
  }

  async close() {
    save(this.name, new Blob(this.parts, { type: "video/webm" }));
  }
}

/**
 * A file on disk that the person chooses: null for none, undefined where the browser has no such thing.
 *
 * @param {string} name
 * @returns {Promise<{ write: (part: Blob) => Promise<void>, close: () => Promise<void> } | null | undefined>}
 */
async function chosen(name) {
  const ask = /** @type {any} */ (globalThis).showSaveFilePicker;
  if (!ask) return undefined;
  try {
    const types = [{ description: "WebM", accept: { "video/webm": [".webm"] } }];
    return await (await ask({ suggestedName: name, types })).createWritable();
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") return null;
    throw cause;
  }
}

/**
 * Gives the browser a file to keep.
 *
 * @param {string} name
 * @param {Blob} blob
 */
export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** What stays of a title in the name of a file.
 * @param {string} title
 */
export function fileName(title) {
  return title.replace(/[^\p{L}\p{N} _-]+/gu, "").trim().slice(0, 60) || "Conclave";
}

const SIZE = { x: 0, y: 0, width: 1280, height: 720 };
const RATE = 15;
const CHUNK_MS = 1000;
const TYPE = "video/webm;codecs=vp8,opus";

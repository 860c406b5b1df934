/** @import { Happening, Meeting, StreamKind } from "./types.js" */
import { place } from "./state.js";
import { Publisher, cameraConstraints } from "./publish.js";
import { Receiver, remoteStreams } from "./receive.js";

/** Camera, microphone, screen, and what others send. */
export class Studio {
  /** @param {(happening: Happening) => void} tell */
  constructor(tell) {
    this.tell = tell;
    this.redraw = () => this.tell({ kind: "media", media: {} });
    this.receiver = new Receiver(this.redraw);
    this.own = new Publisher("camera", this.redraw);
    this.shown = new Publisher("screen", this.redraw);
    this.opening = false;
    this.failed = false;
  }

  /**
   * Follows the screen: devices open with the preview or the meeting and close after it.
   *
   * @param {import("./types.js").Screen} screen
   */
  follow(screen) {
    const where = place(screen);
    const meeting = screen.daemon?.meeting ?? null;
    if (["preview", "waiting", "meeting"].includes(where)) void this.openDevices(screen.media);
    else if (this.own.stream) void this.own.end();
    if (where !== "meeting" && this.shown.stream) this.share(false);
    if (!["preview", "waiting", "meeting"].includes(where)) this.failed = false;
    // Both connections to the daemon stand ready while the leader decides: it passes nothing on
    // without a key, and the first picture comes at once with it.
    const inside = ["waiting", "meeting"].includes(where) && meeting?.me !== null;
    void this.own.set(inside && this.own.stream !== null);
    void this.shown.set(inside && this.shown.stream !== null);
    void this.receiver.want(inside && meeting ? remoteStreams(meeting.members) : null);
  }

  /** @param {import("./types.js").Media} media */
  async openDevices(media) {
    if (this.own.stream || this.opening || this.failed) return;
    this.opening = true;
    try {
      this.own.stream = await getDevices();
      const camera = media.camera && this.own.stream.getVideoTracks().length > 0;
      const mic = media.mic && this.own.stream.getAudioTracks().length > 0;
      this.tell({ kind: "media", media: { camera, mic, problem: "" } });
      if (!camera) await this.turn("video", false);
      if (!mic) await this.turn("audio", false);
    } catch {
      this.failed = true;
      this.tell({ kind: "media", media: { camera: false, mic: false, problem: PROBLEM } });
    } finally {
      this.opening = false;
      this.redraw();
    }
  }

  /**
   * A camera that is off is released, so that its light goes out; a microphone stays open.
   *
   * @param {"audio" | "video"} kind
   * @param {boolean} on
   */
  async turn(kind, on) {
    this.tell({ kind: "media", media: kind === "audio" ? { mic: on } : { camera: on } });
    const stream = this.own.stream;
    if (on) this.failed = false;
    if (!stream) return;
    let track = stream.getTracks().find((track) => track.kind === kind) ?? null;
    if (track && kind === "audio") track.enabled = on;
    if (track && kind === "video" && !on) {
      track.stop();
      stream.removeTrack(track);
    }
    if (!track && on) {
      track = await getDevice(kind);
      if (track) stream.addTrack(track);
      else this.tell({ kind: "media", media: { ...(kind === "audio" ? { mic: false } : { camera: false }), problem: PROBLEM } });
    }
    await this.own.replace(kind, on ? track : null);
    this.redraw();
  }

  /** @param {boolean} on */
  async share(on) {
    if (on) {
      try {
        this.shown.stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
      } catch {
        // The person closed the chooser.
        return;
      }
      const ended = () => this.share(false);
      this.shown.stream.getVideoTracks()[0]?.addEventListener("ended", ended);
    } else {
      await this.shown.end();
    }
    this.tell({ kind: "media", media: { screen: on } });
  }

  /**
   * @param {Meeting | null} meeting
   * @param {number} idx
   * @param {StreamKind} kind
   */
  picture(meeting, idx, kind) {
    if (meeting?.me !== idx && idx !== SELF) return this.receiver.picture(idx, kind);
    return kind === "video" ? this.own.stream : kind === "screen" ? this.shown.stream : null;
  }
}

/** Stands for this person where the ledger has given no index yet. */
export const SELF = -1;

/**
 * @param {"audio" | "video"} kind
 * @returns {Promise<MediaStreamTrack | null>}
 */
async function getDevice(kind) {
  try {
    const wish = kind === "audio" ? { audio: true } : { video: cameraConstraints() };
    return (await navigator.mediaDevices.getUserMedia(wish)).getTracks()[0] ?? null;
  } catch {
    return null;
  }
}

/** A missing camera is no reason not to be heard, and the other way round. */
async function getDevices() {
  const video = cameraConstraints();
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  for (const wish of [{ audio, video }, { audio }, { video }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(wish);
    } catch {
      // The next wish asks for less.
    }
  }
  throw new Error("no device");
}

const PROBLEM = "The browser gives no camera or no microphone. Allow it beside the address of this "
  + "page, then turn it on again.";

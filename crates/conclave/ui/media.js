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
    const inside = where === "meeting" && meeting?.me !== null;
    void this.own.set(inside && this.own.stream !== null);
    void this.shown.set(inside && this.shown.stream !== null);
    void this.receiver.want(where === "meeting" && meeting ? remoteStreams(meeting.members) : []);
  }

  /** @param {import("./types.js").Media} media */
  async openDevices(media) {
    if (this.own.stream || this.opening || this.failed) return;
    this.opening = true;
    try {
      this.own.stream = await getDevices();
      for (const track of this.own.stream.getTracks()) {
        track.enabled = track.kind === "audio" ? media.mic : media.camera;
      }
      const camera = media.camera && this.own.stream.getVideoTracks().length > 0;
      const mic = media.mic && this.own.stream.getAudioTracks().length > 0;
      this.tell({ kind: "media", media: { camera, mic, problem: "" } });
    } catch {
      this.failed = true;
      const problem = "The browser gives no camera and no microphone. Allow them beside the "
        + "address of this page, then turn them on again.";
      this.tell({ kind: "media", media: { camera: false, mic: false, problem } });
    } finally {
      this.opening = false;
      this.redraw();
    }
  }

  /**
   * @param {"audio" | "video"} kind
   * @param {boolean} on
   */
  turn(kind, on) {
    const tracks = this.own.stream?.getTracks().filter((track) => track.kind === kind) ?? [];
    for (const track of tracks) track.enabled = on;
    if (on) this.failed = false;
    this.tell({ kind: "media", media: kind === "audio" ? { mic: on } : { camera: on } });
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

/** A missing camera is no reason not to be heard, and the other way round. */
async function getDevices() {
  const video = cameraConstraints();
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  for (const wish of [{ audio, video }, { audio }, { video }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(wish);
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === "NotAllowedError" && wish.audio && wish.video) {
        continue;
      }
    }
  }
  throw new Error("no device");
}

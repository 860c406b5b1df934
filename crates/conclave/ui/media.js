/** @import { Happening, Media, Meeting, Screen, StreamKind } from "./types.js" */
import { blurOf, capture, captureAll, plugged, setBlur, trouble } from "./gear.js";
import { Meter, speaking } from "./levels.js";
import { place } from "./state.js";
import { Publisher } from "./publish.js";
import { Receiver, keyOf, remoteStreams } from "./receive.js";
import { t } from "./words.js";

/** Camera, microphone, screen, and what others send. */
export class Studio {
  /**
   * @param {(happening: Happening) => void} tell
   * @param {() => Screen} screen
   */
  constructor(tell, screen) {
    this.tell = tell;
    this.screen = screen;
    this.redraw = () => this.tell({ kind: "media", media: {} });
    this.receiver = new Receiver(this.redraw);
    this.own = new Publisher("camera", this.redraw);
    this.shown = new Publisher("screen", this.redraw);
    this.meter = new Meter();
    this.opening = false;
    this.failed = false;
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.look());
    setInterval(() => this.listen(), LISTEN_MS);
  }

  /**
   * Follows the screen: devices open with the preview or the meeting and close after it.
   *
   * @param {Screen} screen
   */
  follow(screen) {
    const where = place(screen);
    const meeting = screen.daemon?.meeting ?? null;
    const open = ["doctor", "preview", "waiting", "meeting"].includes(where);
    if (open) void this.openDevices(screen);
    else if (this.own.stream) void this.endOwn();
    if (where !== "meeting" && this.shown.stream) void this.share(false);
    if (!open) this.failed = false;
    // Both connections to the daemon stand ready while the leader decides: it passes nothing on
    // without a key, and the first picture comes at once with it.
    const inside = ["waiting", "meeting"].includes(where) && meeting?.me !== null;
    void this.own.set(inside && this.own.stream !== null);
    void this.shown.set(inside && this.shown.stream !== null);
    void this.receiver.want(inside && meeting ? remoteStreams(meeting.members) : null);
  }

  /** Opens what is to be on; what the person wants off is not even asked for.
   * @param {Screen} screen
   */
  async openDevices({ media, settings }) {
    if (this.own.stream || this.opening || this.failed) return;
    this.opening = true;
    /** @type {import("./gear.js").Kind[]} */
    const kinds = [...media.mic ? [/** @type {const} */ ("audio")] : [], ...media.camera ? [/** @type {const} */ ("video")] : []];
    const { problem, tracks } = await captureAll(kinds, settings);
    this.opening = false;
    this.own.stream = new MediaStream(tracks);
    tracks.forEach((track) => this.watch(track));
    const [mic, camera] = ["audio", "video"].map((kind) => tracks.some((track) => track.kind === kind));
    this.failed = problem !== "";
    const now = this.screen().media;
    this.tell({ kind: "media", media: { mic, camera, problem } });
    // What was switched off while the browser asked.
    if (camera && !now.camera) await this.turn("video", false);
    if (mic && !now.mic) await this.turn("audio", false);
    await this.look();
  }

  async endOwn() {
    this.meter.close();
    await this.own.end();
  }

  /** A device that is pulled out gives way to another one.
   * @param {MediaStreamTrack} track
   */
  watch(track) {
    track.addEventListener("ended", () => {
      const stream = this.own.stream;
      if (!stream?.getTracks().includes(track)) return;
      stream.removeTrack(track);
      const kind = track.kind === "audio" ? "audio" : "video";
      void this.turn(kind, true).then((done) => {
        if (done) this.tell({ kind: "media", media: { problem: t(kind === "audio" ? "gear.mic.gone" : "gear.camera.gone") } });
      });
    });
  }

  /** Looks which devices there are. */
  async look() {
    const gear = await plugged();
    this.tell({ kind: "gear", gear: { ...gear, blur: blurOf(this.track("video")) } });
  }

  /** @param {"audio" | "video"} kind */
  track(kind) {
    return this.own.stream?.getTracks().find((track) => track.kind === kind) ?? null;
  }

  /**
   * A camera that is off is released, so that its light goes out; a microphone stays open.
   *
   * @param {"audio" | "video"} kind
   * @param {boolean} on
   * @returns {Promise<boolean>} whether it is as it was asked to be
   */
  async turn(kind, on) {
    this.tell({ kind: "media", media: { ...switched(kind, on), problem: "" } });
    const stream = this.own.stream;
    if (!stream) return true;
    let track = this.track(kind);
    let good = true;
    if (track && kind === "audio") track.enabled = on;
    if (track && kind === "video" && !on) {
      stream.removeTrack(track);
      track.stop();
    }
    if (!track && on) {
      try {
        track = await capture(kind, this.screen().settings);
        this.watch(track);
        stream.addTrack(track);
      } catch (cause) {
        good = false;
        this.tell({ kind: "media", media: { ...switched(kind, false), problem: trouble(kind, cause) } });
      }
      void this.look();
    }
    await this.own.replace(kind, on ? track : null);
    this.redraw();
    return good;
  }

  /** Takes another device of a kind that is on.
   * @param {"audio" | "video"} kind
   */
  async change(kind) {
    const track = this.track(kind);
    if (!track) return;
    this.own.stream?.removeTrack(track);
    track.stop();
    const { enabled } = track;
    await this.turn(kind, true);
    if (!enabled) await this.turn(kind, false);
  }

  /** @param {boolean} on */
  async blur(on) {
    await setBlur(this.track("video"), on).catch(() => undefined);
    await this.look();
  }

  /** @param {boolean} on */
  async share(on) {
    if (on) {
      try {
        const wish = { video: true, audio: true, systemAudio: "include" };
        this.shown.stream = await navigator.mediaDevices.getDisplayMedia(wish);
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

  /** Who is heard now; meters of the own microphone move. */
  listen() {
    const screen = this.screen();
    const own = this.own.stream ? this.meter.level(this.track("audio")) : 0;
    for (const meter of document.querySelectorAll("meter")) meter.value = own;
    const meeting = place(screen) === "meeting" ? screen.daemon?.meeting : null;
    if (!meeting) return;
    // The browser is asked only about those who can be heard.
    const levels = new Map(meeting.members.filter(({ me, streams }) => !me && streams.some(isSound))
      .map(({ idx }) => [idx, this.receiver.level(keyOf(idx, "audio"))]));
    if (meeting.me !== null) levels.set(meeting.me, own);
    const speaker = speaking(screen.speaker, levels);
    if (speaker !== screen.speaker) this.tell({ kind: "speaker", idx: speaker });
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

/** @param {import("./types.js").Member["streams"][number]} stream */
function isSound({ kind, live }) {
  return kind === "audio" && live;
}

/** Stands for this person where the ledger has given no index yet. */
export const SELF = -1;

/**
 * @param {"audio" | "video"} kind
 * @param {boolean} on
 * @returns {Partial<Media>}
 */
function switched(kind, on) {
  return kind === "audio" ? { mic: on } : { camera: on };
}

const LISTEN_MS = 200;

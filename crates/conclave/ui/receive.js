/** @import { Member, StreamKind } from "./types.js" */
import { Refused, api } from "./api.js";
import { gathered, preferVp8 } from "./sdp.js";

/**
 * @typedef {{ key: string, idx: number, stream_no: number, media: "audio" | "video" }} Wanted
 * @typedef {{ key: string | null, media: "audio" | "video" }} Slot
 */

/**
 * Every stream that others send, one of each kind: who reloads the page sends a new one before the
 * old one has ended, and the new one carries the picture.
 *
 * @param {Member[]} members
 * @returns {Wanted[]}
 */
export function remoteStreams(members) {
  /** @type {Map<string, Wanted & { live: boolean }>} */
  const wanted = new Map();
  for (const { idx, me, streams } of members) {
    if (me) continue;
    for (const { kind, live, stream_no } of streams) {
      const key = keyOf(idx, kind);
      const other = wanted.get(key);
      if (other && (other.live && !live || other.live === live && other.stream_no > stream_no)) continue;
      const media = kind === "audio" || kind === "screen-audio" ? "audio" : "video";
      wanted.set(key, { key, idx, stream_no, media, live });
    }
  }
  return [...wanted.values()].map(({ key, idx, stream_no, media }) => ({ key, idx, stream_no, media }));
}

/**
 * @param {number} idx
 * @param {StreamKind} kind
 */
export function keyOf(idx, kind) {
  return `${idx}/${kind}`;
}

/**
 * Gives every wanted stream a slot: its own, else a free one, else a new one.
 *
 * @template {Slot} S
 * @param {S[]} slots
 * @param {Wanted[]} wanted
 * @param {(media: "audio" | "video") => S} add
 */
export function assign(slots, wanted, add) {
  const keys = new Set(wanted.map(({ key }) => key));
  for (const slot of slots) if (slot.key && !keys.has(slot.key)) slot.key = null;
  for (const { key, media } of wanted) {
    if (slots.some((slot) => slot.key === key)) continue;
    let slot = slots.find((free) => free.key === null && free.media === media);
    if (!slot) slots.push(slot = add(media));
    slot.key = key;
  }
}

/** The one connection on which the streams of all others arrive. */
export class Receiver {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {RTCPeerConnection | null} */
    this.connection = null;
    /** @type {string | null} */
    this.id = null;
    /** @type {(Slot & { transceiver: RTCRtpTransceiver, stream: MediaStream })[]} */
    this.slots = [];
    /** @type {Wanted[] | null} */
    this.wanted = null;
    this.agreed = "null";
    this.running = false;
  }

  /**
   * @param {number} idx
   * @param {StreamKind} kind
   */
  picture(idx, kind) {
    return this.slots.find(({ key }) => key === keyOf(idx, kind))?.stream ?? null;
  }

  /** How loud a stream is at this moment, 0 to 1, as the browser measured what it plays.
   * @param {string} key
   */
  level(key) {
    const receiver = this.slots.find((slot) => slot.key === key)?.transceiver.receiver;
    return receiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
  }

  /**
   * What is to be received from now on, or null for nothing ever; one exchange runs at a time.
   * With an empty list the connection stands ready, so that the first picture comes at once.
   *
   * @param {Wanted[] | null} wanted
   */
  async want(wanted) {
    this.wanted = wanted;
    if (this.running) return;
    this.running = true;
    while (JSON.stringify(this.wanted) !== this.agreed) {
      const wanted = this.wanted;
      try {
        if (wanted) await this.negotiate(wanted);
        else this.close();
        this.agreed = JSON.stringify(wanted);
      } catch (cause) {
        if (!(cause instanceof Refused)) console.warn("receiving starts anew:", cause);
        this.close();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      this.onChange();
    }
    this.running = false;
  }

  /** @param {Wanted[]} wanted */
  async negotiate(wanted) {
    const connection = this.connection ??= this.open();
    while (this.slots.length < 2 * READY) this.slots.push(this.add(connection, "audio"), this.add(connection, "video"));
    assign(this.slots, wanted, (media) => this.add(connection, media));
    await connection.setLocalDescription(await connection.createOffer());
    await gathered(connection);
    const want = wanted.map(({ key, idx, stream_no }) => {
      const mid = this.slots.find((slot) => slot.key === key)?.transceiver.mid ?? "";
      return { mid, idx, stream_no };
    });
    const sdp = connection.localDescription?.sdp ?? "";
    const answer = await api.receive({ id: this.id, sdp, want });
    this.id = answer.id;
    await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  open() {
    const connection = new RTCPeerConnection();
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState !== "failed" || connection !== this.connection) return;
      this.close();
      void this.want(this.wanted);
    });
    return connection;
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {"audio" | "video"} media
   */
  add(connection, media) {
    const transceiver = connection.addTransceiver(media, { direction: "recvonly" });
    if (media === "video") preferVp8(transceiver);
    return { key: null, media, transceiver, stream: new MediaStream([transceiver.receiver.track]) };
  }

  close() {
    this.connection?.close();
    this.connection = null;
    this.id = null;
    this.slots = [];
    this.agreed = "null";
  }
}

/** Slots of each kind that stand ready before anyone is there: enough for a meeting of four. */
const READY = 3;

const RETRY_MS = 1000;

import { Refused, api } from "./api.js";
import { gathered, preferVp8 } from "./sdp.js";

/** One WHIP publication: camera with microphone, or a screen with its sound. */
export class Publisher {
  /**
   * @param {"camera" | "screen"} kind
   * @param {() => void} onLost
   */
  constructor(kind, onLost) {
    this.kind = kind;
    this.onLost = onLost;
    this.location = "";
    /** @type {RTCPeerConnection | null} */
    this.connection = null;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.wanted = false;
    this.running = false;
  }

  /**
   * Publishes the stream, or stops when there is none; one exchange runs at a time.
   *
   * @param {boolean} wanted
   */
  async set(wanted) {
    this.wanted = wanted;
    if (this.running) return;
    this.running = true;
    while (this.wanted !== (this.connection !== null)) {
      try {
        if (this.wanted && this.stream) await this.open(this.stream);
        else await this.close();
        if (this.wanted && !this.stream) break;
      } catch (cause) {
        if (!(cause instanceof Refused)) console.warn("publishing starts anew:", cause);
        await this.close();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.running = false;
  }

  /** @param {MediaStream} stream */
  async open(stream) {
    const connection = this.connection = new RTCPeerConnection();
    for (const kind of ["audio", "video"]) {
      const track = stream.getTracks().find((track) => track.kind === kind);
      if (!track && this.kind === "screen") continue;
      const transceiver = connection.addTransceiver(kind, { direction: "sendonly", streams: [stream] });
      if (kind === "video") preferVp8(transceiver);
      await transceiver.sender.replaceTrack(track?.enabled ? track : null);
    }
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState !== "failed" || connection !== this.connection) return;
      void this.close().then(() => this.set(this.wanted));
    });
    await connection.setLocalDescription(await connection.createOffer());
    await gathered(connection);
    const answer = await api.publish(this.kind, connection.localDescription?.sdp ?? "");
    this.location = answer.location;
    await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  /**
   * Sends this track from now on; without one nothing is sent, which others see as switched off.
   *
   * @param {"audio" | "video"} kind
   * @param {MediaStreamTrack | null} track
   */
  async replace(kind, track) {
    const transceivers = this.connection?.getTransceivers() ?? [];
    const of = transceivers.find(({ receiver }) => receiver.track.kind === kind);
    await of?.sender.replaceTrack(track);
  }

  async close() {
    this.connection?.close();
    this.connection = null;
    const location = this.location;
    this.location = "";
    // A publication that cannot be taken back ends on its own: its connection is closed.
    if (location) await api.unpublish(location).catch(() => undefined);
  }

  /** Ends the publication and releases the devices. */
  async end() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    await this.set(false);
  }
}

const RETRY_MS = 1000;

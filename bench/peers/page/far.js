/**
 * The far side: everybody else in the meeting, in a Chromium of its own, so that what it costs to
 * send pictures is not counted. Both pages get their pictures from here, encoded alike.
 *
 * @import { Browser, Page } from "playwright-core"
 * @typedef {{ width: number, height: number, rate: number }} Video
 */

/** Bits a second of one picture, at most. */
const MOST_BITS = 400_000;

export class Far {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /**
   * @param {Browser} chrome
   * @param {Video} video what everyone's camera shows
   */
  static async open(chrome, video) {
    const context = await chrome.newContext();
    await context.grantPermissions(["camera", "microphone"]);
    const page = await context.newPage();
    // A camera is only given to a page that has a place.
    const empty = { body: "<!doctype html><title>far side</title>", contentType: "text/html" };
    await page.route("http://127.0.0.1/", (route) => route.fulfill(empty));
    await page.goto("http://127.0.0.1/");
    await page.evaluate(prepare, { ...video, most: MOST_BITS });
    return new Far(page);
  }

  /**
   * Answers an offer; those of its media sections that are wanted get sound or picture.
   *
   * @param {string} id which connection
   * @param {string} sdp
   * @param {string[]} wanted their mids
   * @returns {Promise<string>}
   */
  answer(id, sdp, wanted) {
    return this.page.evaluate((given) => globalThis.far.answer(given), { id, sdp, wanted });
  }

  /**
   * Offers the sound and the picture of one person on a connection of their own.
   *
   * @param {string} id
   * @returns {Promise<string>}
   */
  offer(id) {
    return this.page.evaluate((id) => globalThis.far.offer(id), id);
  }

  /** @param {string} id @param {string} sdp */
  accept(id, sdp) {
    return this.page.evaluate((given) => globalThis.far.accept(given), { id, sdp });
  }

  /** @param {string} id @param {object} candidate */
  candidate(id, candidate) {
    return this.page.evaluate((given) => globalThis.far.candidate(given), { id, candidate });
  }

  close() {
    return this.page.context().close();
  }
}

/**
 * Runs in the page.
 *
 * @param {Video & { most: number }} video
 */
async function prepare({ width, height, rate, most }) {
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height, frameRate: rate } });
  const [sound, picture] = ["audio", "video"].map((kind) => media.getTracks().find((track) => track.kind === kind));
  /** @type {Map<string, RTCPeerConnection>} */
  const connections = new Map();
  const named = (id) => {
    const connection = connections.get(id) ?? new RTCPeerConnection();
    connections.set(id, connection);
    return connection;
  };
  const said = async (connection) => {
    while (connection.iceGatheringState !== "complete") await new Promise((resolve) => setTimeout(resolve, 10));
    return connection.localDescription.sdp;
  };
  const bound = async (connection) => {
    for (const sender of connection.getSenders().filter(({ track }) => track?.kind === "video")) {
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) encoding.maxBitrate = most;
      await sender.setParameters(parameters);
    }
  };
  globalThis.far = {
    async answer({ id, sdp, wanted }) {
      const connection = named(id);
      await connection.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of connection.getTransceivers().filter(({ mid }) => wanted.includes(mid))) {
        transceiver.direction = "sendonly";
        await transceiver.sender.replaceTrack(transceiver.receiver.track.kind === "audio" ? sound : picture);
      }
      await connection.setLocalDescription(await connection.createAnswer());
      await bound(connection);
      return said(connection);
    },
    async offer(id) {
      const connection = named(id);
      const stream = new MediaStream([sound, picture]);
      const vp8 = RTCRtpReceiver.getCapabilities("video").codecs
        .filter(({ mimeType }) => ["video/VP8", "video/rtx"].includes(mimeType));
      for (const track of [sound, picture]) {
        const transceiver = connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
        if (track === picture) transceiver.setCodecPreferences(vp8);
      }
      await connection.setLocalDescription(await connection.createOffer());
      return said(connection);
    },
    async accept({ id, sdp }) {
      await named(id).setRemoteDescription({ type: "answer", sdp });
      await bound(named(id));
    },
    candidate: ({ id, candidate }) => named(id).addIceCandidate(candidate),
  };
}

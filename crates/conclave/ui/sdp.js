/** Waits until the offer holds every address; the daemon takes no candidates later.
 * @param {RTCPeerConnection} connection
 * @returns {Promise<void>}
 */
export function gathered(connection) {
  return new Promise((resolve) => {
    const look = () => {
      if (connection.iceGatheringState !== "complete") return;
      connection.removeEventListener("icegatheringstatechange", look);
      resolve();
    };
    connection.addEventListener("icegatheringstatechange", look);
    look();
  });
}

/** The daemon carries VP8 only.
 * @param {RTCRtpTransceiver} transceiver
 */
export function preferVp8(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const helpers = ["video/vp8", "video/rtx"];
  const kept = codecs.filter(({ mimeType }) => helpers.includes(mimeType.toLowerCase()));
  kept.sort((one, other) => helpers.indexOf(one.mimeType.toLowerCase())
    - helpers.indexOf(other.mimeType.toLowerCase()));
  if (kept.length > 0) transceiver.setCodecPreferences(kept);
}

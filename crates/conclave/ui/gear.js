/**
 * The devices of this computer: which there are, how one is opened, and in words why not.
 *
 * @import { Gear, Plugged, Settings } from "./types.js"
 * @import { Key } from "./words.js"
 */
import { t } from "./words.js";

/** @typedef {"audio" | "video"} Kind */

/**
 * Opens one device, the chosen one if it is there.
 *
 * @param {Kind} kind
 * @param {Settings} settings
 * @returns {Promise<MediaStreamTrack>}
 */
export async function capture(kind, settings) {
  const wish = kind === "audio" ? { audio: sound(settings) } : { video: picture(settings) };
  const [track] = (await navigator.mediaDevices.getUserMedia(wish)).getTracks();
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}

/**
 * Opens several at once, so that the browser asks once; what fails together is tried alone, for a
 * missing camera is no reason not to be heard.
 *
 * @param {Kind[]} kinds
 * @param {Settings} settings
 * @returns {Promise<{ tracks: MediaStreamTrack[], problem: string }>}
 */
export async function captureAll(kinds, settings) {
  if (kinds.length > 1) {
    try {
      const both = { audio: sound(settings), video: picture(settings) };
      return { tracks: (await navigator.mediaDevices.getUserMedia(both)).getTracks(), problem: "" };
    } catch {
      // One of them is not to be had.
    }
  }
  const tracks = [];
  const problems = [];
  for (const kind of kinds) {
    try {
      tracks.push(await capture(kind, settings));
    } catch (cause) {
      problems.push(trouble(kind, cause));
    }
  }
  return { tracks, problem: problems.join(" ") };
}

/**
 * Why a device does not open, and what to do.
 *
 * @param {Kind} kind
 * @param {unknown} cause
 */
export function trouble(kind, cause) {
  const name = cause instanceof DOMException ? cause.name : "";
  return t((TROUBLES[kind][name] ?? TROUBLES[kind].AbortError) ?? "gear.camera.busy");
}

/** @type {Record<Kind, Record<string, Key>>} */
const TROUBLES = {
  audio: {
    AbortError: "gear.mic.busy", NotAllowedError: "gear.mic.denied", NotFoundError: "gear.mic.none",
    NotReadableError: "gear.mic.busy", OverconstrainedError: "gear.mic.none",
  },
  video: {
    AbortError: "gear.camera.busy", NotAllowedError: "gear.camera.denied", NotFoundError: "gear.camera.none",
    NotReadableError: "gear.camera.busy", OverconstrainedError: "gear.camera.none",
  },
};

/** What is plugged in; names are known only after the browser gave leave to use them.
 * @returns {Promise<Pick<Gear, "cameras" | "mics" | "speakers">>}
 */
export async function plugged() {
  const all = await navigator.mediaDevices?.enumerateDevices() ?? [];
  /** @param {MediaDeviceKind} kind @returns {Plugged[]} */
  const of = (kind) => all.filter((one) => one.kind === kind && one.deviceId)
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { cameras: of("videoinput"), mics: of("audioinput"), speakers: of("audiooutput") };
}

/** Whether a camera can hide what is behind a person, and whether it does.
 * @param {MediaStreamTrack | null} track
 * @returns {Gear["blur"]}
 */
export function blurOf(track) {
  /** @type {{ backgroundBlur?: boolean[] }} */
  const able = track?.getCapabilities?.() ?? {};
  if (!able.backgroundBlur?.includes(true)) return "none";
  /** @type {{ backgroundBlur?: boolean }} */
  const now = track?.getSettings() ?? {};
  return now.backgroundBlur ? "on" : "off";
}

/**
 * @param {MediaStreamTrack | null} track
 * @param {boolean} on
 */
export async function setBlur(track, on) {
  const wish = /** @type {MediaTrackConstraints} */ ({ backgroundBlur: on });
  await track?.applyConstraints({ ...track.getConstraints(), ...wish });
}

/**
 * Everything that is heard comes out of this device.
 *
 * @param {Iterable<HTMLAudioElement>} sounds
 * @param {string} id empty for the one the system takes
 */
export function speakThrough(sounds, id) {
  for (const sound of sounds) {
    // A loudspeaker that is gone gives way to the one the system takes.
    if (sound.setSinkId && sound.sinkId !== id) void sound.setSinkId(id).catch(() => sound.setSinkId(""));
  }
}

/** @param {Settings} settings */
function sound({ mic }) {
  return { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...chosen(mic) };
}

/** Size and rate asked of the camera; a meeting of many on one machine may ask for less.
 * @param {Settings} settings
 */
function picture({ blur, camera }) {
  const asked = /^(\d+)x(\d+)@(\d+)$/.exec(localStorage.getItem("video") ?? "");
  const [width, height, rate] = asked ? asked.slice(1).map(Number) : [640, 360, 24];
  return {
    width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: rate, max: rate },
    ...chosen(camera), ...blur ? { backgroundBlur: { ideal: true } } : {},
  };
}

/** A wish, not a condition: the device may be unplugged.
 * @param {string} id
 */
function chosen(id) {
  return id ? { deviceId: { ideal: id } } : {};
}

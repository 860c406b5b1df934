/**
 * Who is heard, from the levels of the sound itself, and who is large for it.
 *
 * @import { Meeting, Screen } from "./types.js"
 */

/**
 * Who speaks: the loudest, but nobody else for as long as somebody is not clearly drowned out.
 *
 * @param {number | null} before
 * @param {Map<number, number>} levels by index, 0 to 1
 * @returns {number | null}
 */
export function speaking(before, levels) {
  let [best, level] = [before, before === null ? 0 : levels.get(before) ?? 0];
  if (before !== null && !levels.has(before)) best = null;
  const held = level;
  for (const [idx, other] of levels) {
    if (other > LOUD && other > level && (held < LOUD || other > 2 * held)) [best, level] = [idx, other];
  }
  return best;
}

/**
 * Whose face is large, if anybody's.
 *
 * @param {Screen} screen
 * @param {Meeting} meeting
 * @param {boolean} shared whether a screen is large already
 * @returns {number | null}
 */
export function largest({ large, layout, pinned }, { members }, shared) {
  if (members.some(({ idx }) => idx === pinned)) return pinned;
  if (shared || layout === "grid") return null;
  const others = members.filter(({ me }) => !me);
  return (others.find(({ idx }) => idx === large) ?? others[0] ?? members[0])?.idx ?? null;
}

/** How loud this computer's own microphone is. */
export class Meter {
  constructor() {
    /** @type {{ context: AudioContext, source: MediaStreamAudioSourceNode, analyser: AnalyserNode, track: MediaStreamTrack } | null} */
    this.ear = null;
    this.samples = new Float32Array(HEARD);
  }

  /**
   * The level of a track at the loudest moment since one last looked, 0 to 1; 0 as long as the browser
   * lets no sound be looked at.
   *
   * @param {MediaStreamTrack | null} track
   */
  level(track) {
    if (!track?.enabled || track.readyState !== "live") return 0;
    if (this.ear?.track !== track) this.listen(track);
    if (!this.ear) return 0;
    this.ear.analyser.getFloatTimeDomainData(this.samples);
    return loudest(this.samples);
  }

  /** @param {MediaStreamTrack} track */
  listen(track) {
    this.close();
    // Before somebody has pressed anything the browser lets no sound run.
    if (!navigator.userActivation?.hasBeenActive) return;
    const context = new AudioContext();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = new AnalyserNode(context, { fftSize: HEARD });
    source.connect(analyser);
    this.ear = { context, source, analyser, track };
  }

  close() {
    void this.ear?.context.close();
    this.ear = null;
  }
}

/**
 * The level of the loudest moment, 0 to 1.
 *
 * @param {Float32Array} samples
 */
export function loudest(samples) {
  let most = 0;
  for (let at = 0; at < samples.length; at += MOMENT) {
    const moment = samples.subarray(at, at + MOMENT);
    most = Math.max(most, moment.reduce((sum, sample) => sum + sample * sample, 0) / moment.length);
  }
  return Math.min(1, Math.sqrt(most) * 3);
}

/** Samples of one moment: 11 ms at 48 kHz. */
const MOMENT = 512;

/** Samples that are looked at each time: 341 ms at 48 kHz, longer than from one look to the next, so
 * that no short sound falls in between. */
const HEARD = 16_384;

/** Below this it is the noise of a room. */
const LOUD = 0.02;

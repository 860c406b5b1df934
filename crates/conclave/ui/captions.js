/**
 * Captions of one's own words, made by the browser on this computer or not at all: a recogniser that
 * may send the voice to anybody's servers is never started.
 *
 * @import { Able, Happening, Screen } from "./types.js"
 */
import { language } from "./settings.js";
import { place } from "./state.js";

/**
 * What there is of the browser's recogniser (Web Speech API), as far as it is used.
 *
 * @typedef {{
 *   processLocally?: boolean, lang: string, continuous: boolean, interimResults: boolean,
 *   onresult: ((event: { resultIndex: number, results: Heard[] }) => void) | null,
 *   onerror: ((event: { error: string }) => void) | null, onend: (() => void) | null,
 *   start: (track?: MediaStreamTrack) => void, abort: () => void,
 * }} Recogniser
 * @typedef {{ isFinal: boolean, [at: number]: { transcript: string } }} Heard
 * @typedef {{ langs: string[], processLocally: true }} Wanted
 * @typedef {{
 *   new (): Recogniser, prototype: object,
 *   available?: (wanted: Wanted) => Promise<string>, install?: (wanted: Wanted) => Promise<boolean>,
 * }} Recognisers
 */

/**
 * Whether speech of this language is recognised without leaving this computer. Older recognisers do
 * not know `processLocally`, would take no notice of it, and ask their maker's servers.
 *
 * @param {Recognisers | undefined} kind
 * @param {string} lang
 * @returns {Promise<Able>}
 */
export async function ability(kind, lang) {
  if (!kind) return "none";
  if (!("processLocally" in kind.prototype) || !kind.available) return "cloud";
  try {
    const found = await kind.available({ langs: [lang], processLocally: true });
    return found === "available" ? "ready" : found === "downloadable" || found === "downloading" ? "fetch" : "cloud";
  } catch {
    return "cloud";
  }
}

/** The recogniser of one's own microphone. */
export class Captioner {
  /**
   * @param {(happening: Happening) => void} tell
   * @param {Recognisers} [kind]
   */
  constructor(tell, kind = /** @type {any} */ (globalThis).SpeechRecognition ?? /** @type {any} */ (globalThis).webkitSpeechRecognition) {
    this.tell = tell;
    this.kind = kind;
    /** @type {Recogniser | null} */
    this.running = null;
    this.asked = "";
  }

  /**
   * Follows the screen: it listens in a meeting, while the person wants captions and is heard.
   *
   * @param {Screen} screen
   * @param {MediaStreamTrack | null} track
   */
  follow(screen, track) {
    const { captions, media, settings } = screen;
    const me = screen.daemon?.meeting?.me ?? null;
    const wanted = settings.captions && place(screen) === "meeting";
    const lang = tag(screen);
    if (wanted && this.asked !== lang) {
      this.stop();
      this.asked = lang;
      void this.look(lang);
    } else if (wanted && media.mic && me !== null && track?.readyState === "live" && captions.able === "ready") {
      if (!this.running) this.start(track, lang, me);
    } else {
      this.stop();
    }
  }

  /** @param {string} lang */
  async look(lang) {
    this.tell({ kind: "able", able: await ability(this.kind, lang) });
  }

  /** Has the browser fetch what it needs to recognise speech here. */
  async fetch() {
    const lang = this.asked;
    this.tell({ kind: "able", able: "fetching" });
    const done = await this.kind?.install?.({ langs: [lang], processLocally: true }).catch(() => false);
    if (done) await this.look(lang);
    else this.tell({ kind: "able", able: "cloud" });
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {string} lang
   * @param {number} idx
   */
  start(track, lang, idx) {
    const one = new /** @type {Recognisers} */ (this.kind)();
    one.processLocally = true;
    // It says so, or it does not listen.
    if (one.processLocally !== true) return this.tell({ kind: "able", able: "cloud" });
    Object.assign(one, { lang, continuous: true, interimResults: true });
    let heard = false;
    one.onresult = ({ resultIndex, results }) => {
      heard = true;
      for (const result of Array.from(results).slice(resultIndex)) {
        this.tell({ kind: "caption", idx, text: result[0]?.transcript ?? "", done: result.isFinal });
      }
    };
    one.onerror = ({ error }) => {
      if (!PASSING.includes(error)) this.tell({ kind: "able", able: "cloud" });
    };
    // After a silence the browser ends by itself; one that never heard anything is broken.
    const began = Date.now();
    one.onend = () => {
      if (this.running !== one) return;
      this.running = null;
      if (heard || Date.now() - began > SOON_MS) this.start(track, lang, idx);
      else this.tell({ kind: "able", able: "cloud" });
    };
    this.running = one;
    one.start(track);
  }

  stop() {
    const one = this.running;
    this.running = null;
    one?.abort();
  }
}

/** The language that is listened for: that of the page, as the browser writes it.
 * @param {Screen} screen
 */
function tag({ settings }) {
  const spoken = language(settings);
  return navigator.languages.find((name) => name.includes("-") && name.startsWith(spoken)) ?? TAGS[spoken];
}

/** @type {Record<import("./words.js").Language, string>} */
const TAGS = { de: "de-DE", en: "en-US", es: "es-ES", fr: "fr-FR", zh: "cmn-Hans-CN" };
const PASSING = ["aborted", "no-speech"];
const SOON_MS = 1000;

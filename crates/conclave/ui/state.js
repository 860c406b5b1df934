/** @import { Happening, Meeting, Screen } from "./types.js" */
import { news } from "./news.js";
import { DEFAULTS } from "./settings.js";
import { t } from "./words.js";

/** @type {Screen} */
export const initial = {
  connection: "connecting",
  daemon: null,
  screen: "home",
  link: "",
  preview: null,
  handed: null,
  disclosed: null,
  drawn: null,
  typed: 0,
  panel: null,
  question: null,
  refusal: null,
  toasts: [],
  busy: [],
  media: { camera: true, mic: true, screen: false, problem: "" },
  read: 0,
  closed: null,
  said: "",
  settings: DEFAULTS,
  dialog: null,
  layout: "grid",
  pinned: null,
  speaker: null,
  large: null,
  gear: { cameras: [], mics: [], speakers: [], blur: "none" },
  checks: null,
  recording: false,
  told: 0,
  heard: [],
  captions: { able: "unknown", lines: [] },
};

/**
 * The screen after one more happening. Pure: the only place where what is shown changes.
 *
 * @param {Screen} screen
 * @param {Happening} happening
 * @returns {Screen}
 */
export function reduce(screen, happening) {
  switch (happening.kind) {
    case "state":
      return arrive(screen, happening.state);
    case "notice":
      return { ...screen, toasts: [...without(screen.toasts, happening.notice.id), happening.notice] };
    case "connection":
      return { ...screen, connection: happening.to };
    case "go":
      return { ...screen, ...BLANK, screen: happening.screen };
    case "preview":
      return { ...screen, link: happening.link, preview: happening.preview, refusal: null, media: quiet(screen) };
    case "handed":
      return { ...screen, ...BLANK, screen: happening.screen, handed: happening.handed };
    case "disclosed":
      return { ...screen, disclosed: happening.disclosed, refusal: null };
    case "drawn":
      return { ...screen, ...BLANK, screen: "sheet", drawn: happening.drawn };
    case "proof":
      return { ...screen, screen: happening.on ? "proof" : "sheet", refusal: null };
    case "typed":
      return { ...screen, typed: happening.words };
    case "panel":
      return read({ ...screen, panel: happening.panel });
    case "ask":
      return { ...screen, question: happening.question };
    case "refused":
      return { ...screen, refusal: happening.refusal };
    case "busy": {
      const others = screen.busy.filter((name) => name !== happening.name);
      return { ...screen, busy: happening.on ? [...others, happening.name] : others };
    }
    case "media":
      return { ...screen, media: { ...screen.media, ...happening.media } };
    case "dismiss":
      return { ...screen, toasts: without(screen.toasts, happening.id) };
    case "close":
      return { ...screen, ...BLANK, closed: happening.mid, screen: "home", media: quiet(screen) };
    case "said":
      return { ...screen, said: happening.text };
    case "settings":
      return { ...screen, settings: { ...screen.settings, ...happening.settings } };
    case "dialog":
      return { ...screen, dialog: happening.dialog };
    case "layout":
      return { ...screen, layout: happening.layout, pinned: null };
    case "pin":
      return { ...screen, pinned: happening.idx };
    case "speaker":
      return {
        ...screen, speaker: happening.idx,
        // Nobody wants to see oneself large.
        large: happening.idx === null || happening.idx === screen.daemon?.meeting?.me ? screen.large : happening.idx,
      };
    case "gear":
      return { ...screen, gear: { ...screen.gear, ...happening.gear } };
    case "checks":
      return { ...screen, checks: happening.checks };
    case "recording":
      return { ...screen, recording: happening.on };
    case "able":
      return { ...screen, captions: { ...screen.captions, able: happening.able } };
    case "caption":
      return { ...screen, captions: caption(screen.captions, happening) };
    case "unheard":
      return { ...screen, heard: screen.heard.filter(({ id }) => id !== happening.id) };
  }
}

/**
 * @param {Screen} screen
 * @param {import("./types.js").State} daemon
 * @returns {Screen}
 */
function arrive(screen, daemon) {
  const before = screen.daemon?.meeting ?? null;
  const now = daemon.meeting;
  /** @type {Screen} */
  const next = { ...screen, daemon, connection: "open" };
  const text = before && now && !begins(before, now) ? news(before, now) : "";
  if (text) {
    const id = screen.told + 1;
    Object.assign(next, { said: text, told: id, heard: [...screen.heard, { id, text }].slice(-HEARD) });
  }
  if (now && begins(before, now)) {
    const { refusal } = screen;
    Object.assign(next, BLANK, {
      screen: "home", closed: null, toasts: [], panel: null, question: null, read: 0, refusal, pinned: null, speaker: null, large: null, heard: [],
      captions: { ...screen.captions, lines: [] },
    });
  }
  if (daemon.identity?.registered && isNewcomer(next.screen)) {
    Object.assign(next, BLANK, { screen: "home", said: t("said.device") });
  }
  const waited = screen.daemon?.identity && recovery(screen.daemon.identity);
  if (next.screen === "recovering" && waited && !(daemon.identity && recovery(daemon.identity))) {
    Object.assign(next, BLANK, { screen: "home", said: t("said.waitsnot") });
  }
  if (next.question && !stands(next.question, daemon)) next.question = null;
  return read(next);
}

/**
 * What somebody goes on saying takes the place of what they had said of it.
 *
 * @param {Screen["captions"]} captions
 * @param {{ idx: number, text: string, done: boolean }} said
 * @returns {Screen["captions"]}
 */
function caption(captions, { idx, text, done }) {
  const before = captions.lines.findLast((line) => line.idx === idx && !line.done);
  const id = before?.id ?? Math.max(0, ...captions.lines.map((line) => line.id)) + 1;
  const others = captions.lines.filter((line) => line !== before);
  const shown = text.trim().slice(-CAPTION);
  return { ...captions, lines: shown ? [...others, { id, idx, text: shown, done }].slice(-LINES) : others };
}

/** Whether this is another meeting, or the same one entered once more.
 * @param {Meeting | null} before
 * @param {Meeting} now
 */
function begins(before, now) {
  return now.mid !== before?.mid || over(before) && !over(now);
}

/** Camera and microphone as the person wants them at the start.
 * @param {Screen} screen
 */
function quiet({ media, settings }) {
  return { ...media, camera: !settings.cameraOff, mic: !settings.micOff, problem: "" };
}

/** Whether what a question is about is still there.
 * @param {import("./types.js").Question} question
 * @param {import("./types.js").State} daemon
 * @returns {boolean}
 */
function stands(question, daemon) {
  const { contacts, identity } = daemon;
  const meeting = daemon.meeting && !over(daemon.meeting) ? daemon.meeting : null;
  switch (question.act) {
    case "end":
      return meeting?.role === "leader";
    case "appoint":
    case "kick":
      return meeting?.role === "leader" && meeting.members.some(({ idx }) => idx === question.idx);
    case "revoke":
      return identity?.devices.some((one) => one.active && one.device === question.device) ?? false;
    case "forget":
      return contacts.some(({ user }) => user === question.user);
    case "rotate":
      return identity !== null;
  }
}

/** An open chat is a read chat.
 * @param {Screen} screen
 * @returns {Screen}
 */
function read(screen) {
  const lines = screen.daemon?.meeting?.chat.length ?? 0;
  return screen.panel === "chat" ? { ...screen, read: lines } : screen;
}

/** @param {Meeting} meeting */
export function over(meeting) {
  return ["left", "ended", "denied", "removed", "failed"].includes(meeting.phase);
}

/**
 * Which of the screens is shown.
 *
 * @param {Screen} screen
 * @returns {"loading" | "locked" | "welcome" | "home" | "join" | "preview" | "waiting" | "meeting"
 *   | "over" | "identity" | "offer" | "accept" | "answer" | "sheet" | "proof" | "recover" | "recovering" | "doctor"}
 */
export function place(screen) {
  if (screen.connection === "locked") return "locked";
  if (!screen.daemon) return "loading";
  if (screen.screen === "doctor") return "doctor";
  if (!screen.daemon.identity) {
    return isNewcomer(screen.screen) ? screen.screen : "welcome";
  }
  if (screen.screen === "home" && recovery(screen.daemon.identity)) return "recovering";
  const meeting = screen.daemon.meeting;
  if (meeting && !over(meeting)) return meeting.phase === "live" ? "meeting" : "waiting";
  if (meeting && meeting.mid !== screen.closed && screen.screen === "home") return "over";
  return screen.screen === "join" && screen.preview ? "preview" : screen.screen;
}

/** What this device asked with a recovery sheet, while it waits.
 * @param {import("./types.js").Identity} identity
 */
export function recovery({ registered, waits }) {
  return registered ? undefined : waits.find(({ what, mine }) => what === "recovery" && mine);
}

/** @param {Screen["screen"]} screen */
function isNewcomer(screen) {
  return NEWCOMER.includes(screen);
}

/** As many news as are shown at once. */
const HEARD = 3;
/** Captions that are shown, and the most letters of one. */
const [LINES, CAPTION] = [3, 240];

/** The ways of a computer that is nobody yet. @type {Screen["screen"][]} */
const NEWCOMER = ["accept", "answer", "recover", "recovering"];

/** What a screen leaves behind: links and words with secrets in them live no longer than it. */
const BLANK = { preview: null, handed: null, disclosed: null, drawn: null, typed: 0, refusal: null };

/**
 * @template {{ id: string }} T
 * @param {T[]} list
 * @param {string} id
 */
function without(list, id) {
  return list.filter((one) => one.id !== id);
}

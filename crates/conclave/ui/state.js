/** @import { Happening, Meeting, Screen } from "./types.js" */

/** @type {Screen} */
export const initial = {
  connection: "connecting",
  daemon: null,
  screen: "home",
  link: "",
  preview: null,
  panel: null,
  question: null,
  refusal: null,
  toasts: [],
  busy: [],
  media: { camera: true, mic: true, screen: false, problem: "" },
  read: 0,
  closed: null,
  said: "",
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
      return { ...screen, screen: happening.screen, preview: null, refusal: null };
    case "preview":
      return { ...screen, link: happening.link, preview: happening.preview, refusal: null };
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
      return { ...screen, closed: happening.mid, screen: "home", preview: null, refusal: null };
    case "said":
      return { ...screen, said: happening.text };
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
  const next = { ...screen, daemon, connection: "open", said: news(before, now) || screen.said };
  if (now && now.mid !== before?.mid) {
    Object.assign(next, { screen: "home", preview: null, panel: null, question: null, read: 0 });
  }
  const question = next.question;
  if (question?.act === "kick" && !now?.members.some(({ idx }) => idx === question.idx)) {
    next.question = null;
  }
  return read(next);
}

/** An open chat is a read chat.
 * @param {Screen} screen
 * @returns {Screen}
 */
function read(screen) {
  const lines = screen.daemon?.meeting?.chat.length ?? 0;
  return screen.panel === "chat" ? { ...screen, read: lines } : screen;
}

/**
 * What a listener is told about a change.
 *
 * @param {Meeting | null} before
 * @param {Meeting | null} now
 * @returns {string}
 */
export function news(before, now) {
  if (!now || before?.mid !== now.mid) return "";
  const had = new Set(before.members.map(({ idx }) => idx));
  const has = new Set(now.members.map(({ idx }) => idx));
  const asked = new Set(before.lobby.map(({ idx }) => idx));
  return [
    ...now.members.filter(({ idx, me }) => !me && !had.has(idx)).map((one) => `${one.name} joined`),
    ...before.members.filter(({ idx }) => !has.has(idx)).map((one) => `${one.name} left`),
    ...now.lobby.filter(({ idx }) => !asked.has(idx)).map((one) => `${one.name} asks to come in`),
  ].join(". ");
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
 *   | "over"}
 */
export function place(screen) {
  if (screen.connection === "locked") return "locked";
  if (!screen.daemon) return "loading";
  if (!screen.daemon.identity) return "welcome";
  const meeting = screen.daemon.meeting;
  if (meeting && !over(meeting)) return meeting.phase === "live" ? "meeting" : "waiting";
  if (meeting && meeting.mid !== screen.closed && screen.screen === "home") return "over";
  if (screen.screen === "join") return screen.preview ? "preview" : "join";
  return "home";
}

/**
 * @template {{ id: string }} T
 * @param {T[]} list
 * @param {string} id
 */
function without(list, id) {
  return list.filter((one) => one.id !== id);
}

/** @import { Happening, Screen } from "./types.js" */
import { api } from "./api.js";
import { place } from "./state.js";
import { t } from "./words.js";

/**
 * Does what follows from a change by itself: what others ask for and may have at once, news that
 * fade, notes of the system while nobody looks at the page.
 *
 * @param {(happening: Happening) => void} tell
 * @param {import("./media.js").Studio} studio
 */
export function watch(tell, studio) {
  /** @type {Set<string>} */
  const done = new Set();
  let [heard, lines] = [0, 0];

  /** @param {Screen} screen */
  return (screen) => {
    const meeting = place(screen) === "meeting" ? screen.daemon?.meeting : null;
    for (const asked of meeting?.asked ?? []) {
      if (asked.what === "unmute" || done.has(asked.id)) continue;
      done.add(asked.id);
      if (asked.what === "mute") void studio.turn("audio", false);
      if (asked.what === "camera-off") void studio.turn("video", false);
      if (asked.what === "hand-down") void api.post("/api/hand", { up: false }).catch(() => undefined);
      const text = t(DONE[asked.what], { name: asked.name });
      tell({ kind: "notice", notice: { id: `asked ${asked.id}`, level: "info", text, next: "" } });
      void api.post("/api/asked", { id: asked.id }).catch(() => undefined);
    }
    for (const { id, text } of screen.heard.filter((one) => one.id > heard)) {
      heard = id;
      setTimeout(() => tell({ kind: "unheard", id }), FADE_MS);
      note(screen, text);
    }
    const chat = meeting?.chat ?? [];
    for (const { me, name, text } of chat.slice(lines)) if (!me && lines > 0) note(screen, `${name}: ${text}`);
    lines = chat.length;
  };
}

/**
 * A note of the system, for who wants them and does not look at the page.
 *
 * @param {Screen} screen
 * @param {string} body
 */
function note({ daemon, settings }, body) {
  if (!settings.notify || !document.hidden || Notification.permission !== "granted") return;
  new Notification(daemon?.meeting?.title || "Conclave", { body: body.slice(0, 200), tag: "conclave" });
}

/** @type {Record<"mute" | "camera-off" | "hand-down", import("./words.js").Key>} */
const DONE = { mute: "asked.muted", "camera-off": "asked.cameraoff", "hand-down": "asked.handdown" };
const FADE_MS = 6000;

/**
 * Keys that do at once what a button does. They are silent while somebody writes, and can be switched
 * off, so that a voice that dictates presses nothing.
 *
 * @import { Actions, Panel, Screen } from "./types.js"
 * @import { Key } from "./words.js"
 */
import { place } from "./state.js";

/** @type {{ key: string, word: Key, act: (screen: Screen, actions: Actions) => void }[]} */
export const SHORTCUTS = [
  { key: "m", word: "keys.mic", act: ({ media }, { mute }) => mute(media.mic) },
  { key: "v", word: "keys.camera", act: ({ media }, { camera }) => camera(!media.camera) },
  { key: "s", word: "keys.share", act: ({ media }, { share }) => share(!media.screen) },
  { key: "h", word: "keys.hand", act: (screen, { hand }) => hand(!isUp(screen)) },
  { key: "g", word: "keys.view", act: ({ layout }, { tell }) =>
    tell({ kind: "layout", layout: layout === "grid" ? "speaker" : "grid" }) },
  { key: "f", word: "keys.full", act: (_, { fill }) => fill(null) },
  { key: "c", word: "keys.chat", act: opens("chat") },
  { key: "p", word: "keys.people", act: opens("people") },
  { key: "i", word: "keys.security", act: opens("security") },
];

/**
 * Does what a key stands for; without a meeting only the sheet of the keys opens.
 *
 * @param {KeyboardEvent} event
 * @param {Screen} screen
 * @param {Actions} actions
 */
export function press(event, screen, actions) {
  const { altKey, ctrlKey, key, metaKey, target } = event;
  if (!screen.settings.keys || altKey || ctrlKey || metaKey || screen.question || screen.dialog) return;
  if (target instanceof HTMLElement && target.closest("input, textarea, select, [role=log]")) return;
  if (key === "?") return actions.tell({ kind: "dialog", dialog: "keys" });
  if (place(screen) !== "meeting") return;
  const found = SHORTCUTS.find((one) => one.key === key.toLowerCase());
  if (!found) return;
  event.preventDefault();
  found.act(screen, actions);
}

/** Whether the own hand is up.
 * @param {Screen} screen
 */
export function isUp({ daemon }) {
  return Boolean(daemon?.meeting?.members.find(({ me }) => me)?.hand_ms);
}

/**
 * @param {Panel} panel
 * @returns {(screen: Screen, actions: Actions) => void}
 */
function opens(panel) {
  return (screen, { tell }) => tell({ kind: "panel", panel: screen.panel === panel ? null : panel });
}

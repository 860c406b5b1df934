/**
 * What a person chose for this browser. It stays in it and says nothing about anybody else.
 *
 * @typedef {{
 *   language: import("./words.js").Language | "", theme: "system" | "light" | "dark" | "contrast",
 *   calm: boolean, scale: "100" | "125" | "150", notify: boolean, keys: boolean,
 *   cameraOff: boolean, micOff: boolean, camera: string, mic: string, speaker: string, blur: boolean,
 *   captions: boolean,
 * }} Settings `language`: empty for that of the browser; `camera`, `mic`, `speaker`: ids of devices
 */
import { LANGUAGES, preferred } from "./words.js";

/** @type {Settings} */
export const DEFAULTS = {
  language: "", theme: "system", calm: false, scale: "100", notify: false, keys: true,
  cameraOff: false, micOff: false, camera: "", mic: "", speaker: "", blur: false, captions: false,
};

/** @type {{ [K in keyof Settings]?: readonly Settings[K][] }} */
const CHOICES = {
  language: ["", ...Object.keys(LANGUAGES)].map((name) => /** @type {Settings["language"]} */ (name)),
  theme: ["system", "light", "dark", "contrast"],
  scale: ["100", "125", "150"],
};

/**
 * Settings out of what was stored: whatever has no meaning is left out.
 *
 * @param {string | null} stored
 * @returns {Settings}
 */
export function read(stored) {
  /** @type {Record<string, unknown>} */
  let found = {};
  try {
    found = Object(JSON.parse(stored ?? "{}"));
  } catch {
    // Somebody else wrote there.
  }
  const known = Object.entries(DEFAULTS).map(([name, value]) => {
    const choices = CHOICES[/** @type {keyof Settings} */ (name)];
    const good = typeof found[name] === typeof value
      && (!choices || /** @type {readonly unknown[]} */ (choices).includes(found[name]));
    return [name, good ? found[name] : value];
  });
  return Object.fromEntries(known);
}

/** The language that is spoken with these settings.
 * @param {Settings} settings
 */
export function language(settings) {
  return settings.language || preferred(navigator.languages);
}

/** @returns {Settings} */
export function load() {
  return read(localStorage.getItem(NAME));
}

/** Keeps the settings, and lets the style sheets see them.
 * @param {Settings} settings
 */
export function apply(settings) {
  localStorage.setItem(NAME, JSON.stringify(settings));
  const root = document.documentElement;
  root.lang = language(settings);
  root.dataset.theme = settings.theme;
  root.dataset.scale = settings.scale;
  root.toggleAttribute("data-calm", settings.calm);
}

const NAME = "settings";

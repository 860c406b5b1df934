import { html } from "../node_modules/lit-html/lit-html.js";

/**
 * A drawing beside words; it says nothing on its own.
 *
 * @param {keyof typeof PATHS} name
 */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]}></path></svg>`;
}

const PATHS = {
  alarm: "M12 4L2.500 20h19zM12 10v4.500M12 17v.500",
  camera: "M3 7h11v10H3zM14 11l7-4v10l-7-4",
  cameraOff: "M3 7h8M14 10V7M14 11l7-4v10l-3-1.700M14 17H3V7M3 3l18 18",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  check: "M5 12.500l4.500 4.500L19 7.500",
  clock: "M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0M12 7v5.500l3.500 2",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  cross: "M7 7l10 10M17 7L7 17",
  invite: "M10 8a3.500 3.500 0 1 1-7 0 3.500 3.500 0 0 1 7 0M1 20c0-4 2.500-6 5.500-6s5.500 2 5.500 6M18 8v8M14 12h8",
  leave: "M3 14c0-6 18-6 18 0v2l-4.500-1v-3c-3-1-6-1-9 0v3L3 16z",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3M5 11a7 7 0 0 0 14 0M12 18v3",
  micOff: "M9 9v2a3 3 0 0 0 4.500 2.600M15 11V6a3 3 0 0 0-5.800-1M5 11a7 7 0 0 0 11 5.700M19 11a7 7 0 0 1-.600 2.900M12 18v3M3 3l18 18",
  people: "M12 8a3.500 3.500 0 1 1-7 0 3.500 3.500 0 0 1 7 0M2 20c0-4 3-6 6.500-6s6.500 2 6.500 6M16 5a3.500 3.500 0 0 1 0 6.500M18 14.500c2.500.700 4 2.500 4 5.500",
  screen: "M3 5h18v11H3zM8 20h8M12 13V8M9.500 10.500L12 8l2.500 2.500",
  shield: "M12 3l8 3v6c0 5-3.500 8-8 9-4.500-1-8-4-8-9V6zM8.500 12l2.500 2.500 4.500-5",
};

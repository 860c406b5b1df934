import { guard } from "../node_modules/lit-html/directives/guard.js";

/**
 * What a `<video>` or `<audio>` plays. Objects are set anew whenever the page is drawn, several times
 * a second, and an element that is given a stream begins to play it from the start, even its own.
 *
 * @param {MediaStream | null} stream
 */
export function played(stream) {
  return guard([stream], () => stream);
}

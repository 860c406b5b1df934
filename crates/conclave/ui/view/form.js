/**
 * Reads a form when it is sent; the page itself never navigates.
 *
 * @param {(field: (name: string) => string, form: HTMLFormElement) => void} send
 * @returns {(event: SubmitEvent) => void}
 */
export function fields(send) {
  return (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const data = new FormData(form);
    send((name) => String(data.get(name) ?? "").trim(), form);
  };
}

/**
 * @param {number} ms
 * @returns {string}
 */
export function age(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** @param {number} ms */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Letters for a person without a picture.
 * @param {string} name
 */
export function initials(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu)?.slice(0, 2) ?? [];
  return words.map((word) => [...word][0]).join("").toUpperCase() || "?";
}

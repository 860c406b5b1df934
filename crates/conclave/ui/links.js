/**
 * The web addresses in a text. Only http and https count, and where an address leads is told by the
 * browser's own reading of it, not by how it is written.
 *
 * @param {string} text
 * @returns {{ text: string, url?: string, host?: string }[]}
 */
export function links(text) {
  const parts = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const shown = found.replace(/[.,;:!?)\]}'"»”]+$/u, "");
    const url = URL.canParse(shown) ? new URL(shown) : null;
    if (!url || url.username || url.password) continue;
    if (index > at) parts.push({ text: text.slice(at, index) });
    parts.push({ text: shown, url: url.href, host: url.host });
    at = index + shown.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"\u0000-\u001F]+/giu;

/**
 * The invite of a meeting as an address of a validator's page for those who have no Conclave yet;
 * nothing without such a page. It is not made where the invite alone lets people in: what a server's
 * page does is up to the server.
 *
 * @param {string | undefined} page
 * @param {{ invite: { link: string } | null, policy?: { admit: string } }} meeting
 * @returns {string | null}
 */
export function landed(page, { invite, policy }) {
  if (!page || !invite || policy?.admit === "everyone") return null;
  return `${page}#${invite.link.replace(/^conclave:/, "").replace("#", "/")}`;
}

/**
 * A meeting as calendars read it (RFC 5545): one event with its title, its time and the invite.
 *
 * @param {{ mid: string, title: string, link: string, text: string, start: Date, minutes: number, now: Date }} event
 * @returns {string}
 */
export function calendar({ link, mid, minutes, now, start, text, title }) {
  const end = new Date(start.getTime() + minutes * 60_000);
  return [
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Conclave//Conclave//EN", "BEGIN:VEVENT",
    `UID:${mid}-${stamp(start)}@conclave`, `DTSTAMP:${stamp(now)}`, `DTSTART:${stamp(start)}`, `DTEND:${stamp(end)}`,
    `SUMMARY:${escaped(title)}`, `LOCATION:${escaped(link)}`, `DESCRIPTION:${escaped(text)}`,
    "END:VEVENT", "END:VCALENDAR",
  ].map(folded).join("\r\n").concat("\r\n");
}

/** A moment in UTC. @param {Date} date */
function stamp(date) {
  return date.toISOString().replace(/[-:]|\.\d+/g, "");
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\;,]/g, "\\$&").replace(/\r?\n/g, "\\n").replace(/\p{Cc}/gu, "");
}

/** No line has more than 75 bytes; a letter is never cut in two.
 * @param {string} line
 */
function folded(line) {
  const lines = [""];
  let bytes = 0;
  for (const letter of line) {
    const size = new TextEncoder().encode(letter).length;
    if (bytes + size > 74) {
      lines.push(" ");
      bytes = 1;
    }
    lines[lines.length - 1] += letter;
    bytes += size;
  }
  return lines.join("\r\n");
}

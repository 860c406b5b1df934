/** Looks for known secrets in another process's memory, as a thief with root would. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/**
 * How many copies of the secrets stand in the readable memory of a process.
 *
 * @param {number} pid
 * @param {Buffer[]} secrets
 */
export function copiesInMemory(pid, secrets) {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  let found = 0;
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const range = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line);
      // The kernel's own pages refuse to be read and hold no program data.
      if (!range || line.includes("[v")) continue;
      const [start, end] = [parseInt(range[1], 16), parseInt(range[2], 16)];
      for (let at = start; at < end; at += CHUNK) {
        found += copiesIn(read(memory, at, Math.min(CHUNK + 31, end - at)), secrets);
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/**
 * @param {number} memory
 * @param {number} at
 * @param {number} length
 */
function read(memory, at, length) {
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(memory, bytes, 0, length, at));
  } catch {
    // A page that was never touched, or has just been given back, holds nothing.
    return bytes.subarray(0, 0);
  }
}

/**
 * @param {Buffer} bytes
 * @param {Buffer[]} secrets
 */
function copiesIn(bytes, secrets) {
  let found = 0;
  for (const secret of secrets) {
    for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, at + 1)) found += 1;
  }
  return found;
}

/** Bytes read at once; consecutive reads overlap so that no secret hides on a border. */
const CHUNK = 1 << 20;

/**
 * Where the tiles of a meeting stand. Pure: from a number of tiles and a size to rectangles, none of
 * which lies over another or out of the stage.
 *
 * @typedef {{ x: number, y: number, width: number, height: number }} Box
 */

/**
 * Tiles of one size that fill a box as well as they can; an incomplete last row stands in its middle.
 *
 * @param {number} count
 * @param {Box} box
 * @param {number} [flattest] height of a tile per width, at most
 * @returns {Box[]}
 */
export function grid(count, box, flattest = 4 / 3) {
  let best = { columns: 1, width: 0, height: 0, seen: -1 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = part(box.width, columns);
    const height = Math.min(part(box.height, rows), width * flattest);
    // What is seen of a picture that is cut to the tile.
    const seen = Math.min(width, height * 16 / 9) * Math.min(height, width * 9 / 16);
    if (seen > best.seen) best = { columns, width, height, seen };
  }
  const { columns, width, height } = best;
  return Array.from({ length: count }, (_, n) => {
    const row = Math.floor(n / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = box.x + (box.width - inRow * width - (inRow - 1) * GAP) / 2;
    return { x: left + (n % columns) * (width + GAP), y: box.y + row * (height + GAP), width, height };
  });
}

/**
 * A few tiles large, the others in a strip beside or below them.
 *
 * @param {number} mains
 * @param {number} others
 * @param {Box} box
 * @returns {{ mains: Box[], others: Box[] }}
 */
export function focus(mains, others, box) {
  if (others === 0) return { mains: grid(mains, box), others: [] };
  if (mains === 0) return { mains: [], others: grid(others, box) };
  if (box.width > box.height) {
    const width = Math.min(Math.max(box.width * (others > 6 ? 0.3 : 0.22), 96), 360);
    const rest = { ...box, x: box.x + box.width - width, width };
    return { mains: grid(mains, { ...box, width: box.width - width - GAP }), others: grid(others, rest, 0.8) };
  }
  const height = Math.min(Math.max(box.height * (others > 6 ? 0.4 : 0.26), 80), 320);
  const rest = { ...box, y: box.y + box.height - height, height };
  return { mains: grid(mains, { ...box, height: box.height - height - GAP }), others: grid(others, rest) };
}

/**
 * Puts the tiles of the page where they belong. The page is drawn several times a second and they
 * seldom move, so they are measured only when something has changed.
 *
 * @param {HTMLElement} stage
 */
export function place(stage) {
  const tiles = /** @type {HTMLElement[]} */ ([...stage.querySelectorAll(":scope > .tile")]);
  const mains = tiles.filter((tile) => tile.classList.contains("main"));
  const others = tiles.filter((tile) => !mains.includes(tile));
  const now = [stage.clientWidth, stage.clientHeight, ...mains, null, ...others];
  const before = placed.get(stage) ?? [];
  if (now.length === before.length && now.every((one, n) => one === before[n])) return;
  placed.set(stage, now);
  const box = { x: 0, y: 0, width: stage.clientWidth, height: stage.clientHeight };
  const boxes = focus(mains.length, others.length, box);
  mains.forEach((tile, n) => put(tile, boxes.mains[n]));
  others.forEach((tile, n) => put(tile, boxes.others[n]));
}

/** What every stage was measured with. @type {WeakMap<HTMLElement, (number | HTMLElement | null)[]>} */
const placed = new WeakMap();

/**
 * @param {HTMLElement} tile
 * @param {Box | undefined} box
 */
function put({ style }, box) {
  if (!box) return;
  style.left = `${box.x}px`;
  style.top = `${box.y}px`;
  style.width = `${box.width}px`;
  style.height = `${box.height}px`;
}

/**
 * One of several equal parts of a length, with gaps between them.
 *
 * @param {number} length
 * @param {number} count
 */
function part(length, count) {
  return Math.max(0, (length - GAP * (count - 1)) / count);
}

const GAP = 8;

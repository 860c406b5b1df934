/**
 * Galene's own page, unchanged, before a server that only pretends: it serves the files and speaks
 * as much of Galene's protocol (galene-protocol.md in its repository) as a meeting takes. What a
 * Galene server forwards comes from the far side instead.
 *
 * @import { BrowserContext, Page } from "playwright-core"
 * @import { Far } from "./far.js"
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WebSocketServer } from "ws";

const run = promisify(execFile);
const REPOSITORY = "https://github.com/jech/galene";
/** Between 1.1 and 1.2: everywhere the same page is measured. */
export const COMMIT = "9e03b36ba93f05e88fcfd6c3ea5468c16bcbae32";
const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../../target", import.meta.url));

/** Gets Galene at the commit that is measured, once.
 * @returns {Promise<string>} where it is
 */
export async function fetchGalene() {
  const dir = join(TARGET, `galene-${COMMIT.slice(0, 12)}`);
  if (existsSync(join(dir, "static", "galene.html"))) return dir;
  await mkdir(dir, { recursive: true });
  const git = (/** @type {string[]} */ ...args) => run("git", ["-C", dir, ...args]);
  try {
    await git("init", "--quiet");
    await git("fetch", "--quiet", "--depth", "1", REPOSITORY, COMMIT);
    await git("checkout", "--quiet", "FETCH_HEAD");
  } catch (cause) {
    throw new Error(`${REPOSITORY} could not be fetched; give a copy of it with --galene DIR`, { cause });
  }
  return dir;
}

const GROUP = "nine";

/** What serves Galene's page. */
export class Galene {
  /**
   * @param {string} dir a copy of Galene's repository
   */
  static async serve(dir) {
    const galene = new Galene();
    galene.server = createServer((request, response) => void serve(join(dir, "static"), request, response));
    await new Promise((resolve) => galene.server.listen(0, "127.0.0.1", () => resolve(undefined)));
    galene.url = `http://127.0.0.1:${galene.server.address().port}/group/${GROUP}/`;
    galene.sockets = new WebSocketServer({ server: galene.server, path: "/ws" });
    galene.sockets.on("connection", (socket) => galene.talk?.(socket));
    return galene;
  }

  /**
   * Brings the page into a group with that many others, all in motion.
   *
   * @param {BrowserContext} context
   * @param {Far} far
   * @param {number} others
   * @param {boolean} alike marks who speaks and gives the pictures the room of the chat, as our page does
   * @returns {Promise<{ page: Page, end: () => void }>}
   */
  async enter(context, far, others, alike) {
    const people = Array.from({ length: others }, (_, n) => ({ id: `person${n + 1}`, username: `Person ${n + 1}` }));
    this.talk = (socket) => {
      const talk = new Talk((message) => socket.send(JSON.stringify(message)), far, people);
      socket.on("message", (bytes) => talk.hear(JSON.parse(String(bytes))).catch(console.error));
    };
    // One encoding of the own picture, as our page sends it.
    const settings = JSON.stringify({ simulcast: "off", activityDetection: alike });
    await context.addInitScript((settings) => sessionStorage.setItem("settings", settings), settings);
    const page = await context.newPage();
    await page.goto(this.url);
    await page.locator("#username").fill("Alice Martin");
    await page.locator("#presentboth").check({ force: true });
    await page.locator("#connectbutton").click();
    await page.locator("#unpresentbutton").waitFor();
    if (alike) await page.locator("#close-chat").click();
    return { page, end: () => undefined };
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** What is said over one socket of the page. */
class Talk {
  /**
   * @param {(message: object) => void} send
   * @param {Far} far
   * @param {{ id: string, username: string }[]} people
   */
  constructor(send, far, people) {
    this.send = send;
    this.far = far;
    this.people = people;
    this.own = "";
  }

  /** One message of the page; what a meeting does not take is passed over.
   * @param {any} message
   */
  async hear({ candidate, group, id, sdp, type, username }) {
    const { far, people, send } = this;
    switch (type) {
      case "handshake":
        this.own = id;
        return send({ type, version: ["2"] });
      case "ping":
        return send({ type: "pong" });
      case "join": {
        const permissions = ["present"];
        send({ type: "joined", kind: "join", group, username, permissions, status: status(), data: {}, rtcConfiguration: {} });
        for (const one of [{ id: this.own, username }, ...people]) send({ type: "user", kind: "add", permissions, ...one });
        return undefined;
      }
      case "request":
        for (const { id: source, username } of people) {
          const id = `stream of ${source}`;
          send({ type: "offer", id, label: "camera", source, username, sdp: await far.offer(id) });
        }
        return undefined;
      case "offer":
        return send({ type: "answer", id, sdp: await far.answer(id, sdp, []) });
      case "answer":
        return far.accept(id, sdp);
      case "ice":
        return far.candidate(id, candidate);
    }
  }
}

/** @param {string} [host] */
function status(host) {
  const places = host ? { location: `http://${host}/group/${GROUP}/`, endpoint: `ws://${host}/ws` } : {};
  return { name: GROUP, displayName: "Weekly review", ...places };
}

/**
 * @param {string} root
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function serve(root, request, response) {
  const { pathname } = new URL(request.url ?? "/", "http://here");
  response.setHeader("cache-control", "no-store");
  if (pathname.endsWith("/.status")) {
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify(status(request.headers.host)));
  }
  const file = normalize(pathname.startsWith("/group/") ? "/galene.html" : pathname);
  try {
    const bytes = await readFile(join(root, file));
    response.setHeader("content-type", TYPES[file.split(".").at(-1) ?? ""] ?? "application/octet-stream");
    return response.end(bytes);
  } catch {
    return response.writeHead(404).end();
  }
}

/** @type {Record<string, string>} */
const TYPES = { css: "text/css", html: "text/html", js: "text/javascript", woff2: "font/woff2" };

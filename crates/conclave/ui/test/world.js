/**
 * The real thing around the pages: validators and daemons, each a process with its own sockets and
 * disk. They die with the test.
 *
 * @import { ChildProcess } from "node:child_process"
 * @import { Browser } from "playwright-core"
 */
import { execFile, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { browser } from "./browser.js";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
export const SHOTS = join(TARGET, "screenshots");
const PROGRAM = join(TARGET, "release", "conclave");

/** A consortium, and everyone who is started on it. */
export class World {
  /** @param {string} dir */
  constructor(dir) {
    this.dir = dir;
    /** @type {ChildProcess[]} */
    this.children = [];
    /** @type {string[]} the address of each validator */
    this.validators = [];
  }

  /**
   * Founds and starts that many validators.
   *
   * @param {number} validators
   */
  static async found(validators) {
    const world = new World(await mkdtemp(join(tmpdir(), "conclave-test-")));
    const net = join(world.dir, "network");
    await run(PROGRAM, ["network", "new", "--validators", String(validators), "--dir", net]);
    const names = Array.from({ length: validators }, (_, i) => `validator-${i}`);
    const started = await Promise.all(names.map((name) =>
      world.start(name, ["validator", "run", "--json", "--dir", join(net, name)])));
    world.validators = started.map(({ ready }) => ready.rpc);
    return world;
  }

  /**
   * Starts somebody's daemon.
   *
   * @param {string} name
   * @param {{ keys?: boolean }} [options] `keys`: write down the meeting keys, to look for them later
   */
  async daemon(name, { keys = false } = {}) {
    const home = join(this.dir, name, "home");
    const record = join(this.dir, name, "record");
    await mkdir(home, { recursive: true });
    await mkdir(record, { recursive: true });
    const network = join(this.dir, "network", "network.toml");
    const args = ["up", "--json", "--no-browser", "--network", network, "--home", home];
    if (keys) args.push("--record", record, "--record-keys");
    const { child, ready } = await this.start(name, args);
    return new Daemon(/** @type {number} */ (child.pid), ready.url, record);
  }

  /**
   * @param {string} name
   * @param {string[]} args
   * @returns {Promise<{ child: ChildProcess, ready: any }>}
   */
  async start(name, args) {
    const child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.children.push(child);
    child.stderr.pipe(createWriteStream(join(this.dir, `${name}.log`)));
    for await (const line of createInterface(child.stdout)) {
      const said = JSON.parse(line);
      if (said.event === "ready") return { child, ready: said };
    }
    throw new Error(`${name} ended before it was ready; its log is ${this.dir}/${name}.log`);
  }

  /**
   * What the command line answers in somebody's home.
   *
   * @param {string} name
   * @param {string[]} args
   * @returns {Promise<any>}
   */
  async say(name, args) {
    const { stdout } = await run(PROGRAM, [...args, "--json", "--home", join(this.dir, name, "home")]);
    return JSON.parse(stdout);
  }

  /** @param {boolean} [keep] leave the logs and records where they are */
  async end(keep = false) {
    await Promise.all(this.children.map((child) => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      return gone;
    }));
    if (keep) console.log(`logs and records are kept in ${this.dir}`);
    else await rm(this.dir, { recursive: true });
  }
}

/**
 * Four validators, and a browser for each of these cameras: founded before the tests of a file, ended
 * after them. Unless a test says that it came to its end, what every page showed last is photographed,
 * and logs and records are kept.
 *
 * @param {string} name of the photographs
 * @param {string[]} letters the cameras, as `scripts/make-clips` names them
 */
export function onStage(name, letters) {
  const stage = {
    /** @type {World} */
    world: new World(""),
    /** @type {Browser[]} */
    browsers: [],
    passed: false,
  };
  before(async () => {
    stage.world = await World.found(4);
    await run(join(ROOT, "scripts", "make-clips"), ["camera", stage.world.dir]);
    await mkdir(SHOTS, { recursive: true });
    stage.browsers = await Promise.all(letters.map((letter) => browser(join(stage.world.dir, letter))));
  });
  after(async () => {
    const { browsers, passed, world } = stage;
    const pages = browsers.flatMap((chrome) => chrome.contexts().flatMap((context) => context.pages()[0] ?? []));
    if (!passed) await Promise.all(pages.map((page, n) => page.screenshot({ path: join(SHOTS, `failed-${name}-${n}.png`) })));
    await Promise.all(browsers.map((chrome) => chrome.close()));
    if (world.dir) await world.end(!passed);
  });
  return stage;
}

/** One person's running daemon. */
export class Daemon {
  /**
   * @param {number} pid
   * @param {string} url
   * @param {string} record
   */
  constructor(pid, url, record) {
    this.pid = pid;
    this.url = url;
    this.record = record;
  }

  /**
   * One number of its metrics.
   *
   * @param {string} name
   */
  async metric(name) {
    const { origin, hash } = new URL(this.url);
    const authorization = `Bearer ${new URLSearchParams(hash.slice(1)).get("token")}`;
    const text = await (await fetch(`${origin}/metrics`, { headers: { authorization } })).text();
    const line = text.split("\n").find((line) => line.startsWith(`conclave_${name} `));
    if (!line) throw new Error(`no metric ${name}`);
    return Number(line.split(" ")[1]);
  }

  /**
   * One question or command, as the page and the command line send it.
   *
   * @param {string} path
   * @param {object} [body] none for a question
   * @returns {Promise<any>}
   */
  async ask(path, body) {
    const { origin, hash } = new URL(this.url);
    const authorization = `Bearer ${new URLSearchParams(hash.slice(1)).get("token")}`;
    const headers = { authorization, origin, "content-type": "application/json" };
    const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
    const answer = await fetch(`${origin}${path}`, options);
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${said.error}`);
    return said;
  }

  /**
   * The meeting keys that it wrote down.
   *
   * @returns {Promise<{ epoch: number, mk: Buffer }[]>}
   */
  async keys() {
    const lines = (await readFile(join(this.record, "keys"), "utf8")).trim().split("\n");
    return lines.map((line) => JSON.parse(line))
      .map(({ epoch, mk }) => ({ epoch, mk: Buffer.from(mk, "hex") }));
  }
}

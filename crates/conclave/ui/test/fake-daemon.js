import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { URL } from "node:url";

export const TOKEN = "ab".repeat(32);

/** A daemon that serves the page and shows whatever a test puts into `state`. */
export async function fakeDaemon(state = freshState()) {
  const streams = new Set();
  const asked = [];
  // Nothing is sent and nothing arrives, unless a test says how.
  const answers = new Map(["/whip", "/api/receive"].map((path) => [path, [409, { error: "not yet", next: "" }]]));
  /** @type {() => void} */
  let follows;
  const followed = new Promise((resolve) => { follows = resolve; });
  const daemon = {
    /** The page has drawn its first state and hears of whatever comes. */
    followed,
    asked,
    answers,
    state,
    /** Nobody answers. */
    away: false,
    show(change) {
      daemon.state = structuredClone({ ...daemon.state, ...change });
      send({ kind: "state", state: daemon.state });
    },
    notice: (notice) => send({ kind: "notice", notice }),
    /** Every connection is cut, as when the daemon starts anew. */
    drop: () => server.closeAllConnections(),
    close: () => { server.closeAllConnections(); server.close(); },
  };
  function send(event) {
    for (const stream of streams) stream.write(`data: ${JSON.stringify(event)}\n\n`);
  }
  const server = createServer((request, response) => {
    if (daemon.away) request.socket.destroy();
    // Whoever asked may be gone before all of it came.
    else handle(request, response).catch(() => response.destroy());
  });
  async function handle(request, response) {
    const path = new URL(request.url, "http://here").pathname;
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (request.method === "GET" && !path.startsWith("/api/")) return serve(path, response);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return json(response, 401, { error: "no", next: "" });
    if (path === "/api/state") return json(response, 200, daemon.state);
    if (path === "/api/events") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      // What changed since the page asked for the state is not lost.
      response.write(`data: ${JSON.stringify({ kind: "state", state: daemon.state })}\n\n`);
      streams.add(response);
      follows();
      return request.on("close", () => streams.delete(response));
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const type = request.headers["content-type"] ?? "";
    const body = type.includes("json") ? JSON.parse(text) : text;
    asked.push({ method: request.method, path, body });
    const answer = answers.get(path);
    const [status, value] = typeof answer === "function" ? await answer(body) : answer ?? [200, {}];
    if (typeof value !== "string") return json(response, status, value);
    const headers = { "content-type": "application/sdp", location: `${path}/1` };
    return response.writeHead(status, headers).end(value);
  }
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  daemon.url = `http://127.0.0.1:${server.address().port}/#token=${TOKEN}`;
  return daemon;
}

async function serve(path, response) {
  const file = path === "/" ? "/index.html" : path;
  try {
    const bytes = await readFile(new URL(`..${file}`, import.meta.url));
    response.setHeader("content-type", TYPES[file.split(".").at(-1)] ?? "text/plain");
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

export function freshState(change = {}) {
  return {
    version: "0.0.0",
    network: {
      name: "Example consortium", chain_id: "00".repeat(32), dev: false, height: 1204, age_ms: 900,
      freshness: "fresh",
      validators: ["11111111", "22222222", "33333333", "44444444"].map((key, n) =>
        ({ key, url: `http://127.0.0.1:${7001 + n}`, height: n === 3 ? null : 1204, ok: n !== 3 })),
    },
    identity: identity(),
    meeting: null,
    recent: [],
    contacts: [],
    ...change,
  };
}

export function identity(change = {}) {
  return {
    user: "aa".repeat(32), device: DEVICE, fingerprint: "9f1c 20ab 77e0 4d21",
    info: { form: "clear", text: "Alice Martin" }, registered: true,
    devices: [device(0, { device: DEVICE, fingerprint: "9f1c 20ab 77e0 4d21", me: true })],
    changes: [changed(0, "the user was registered")], unexplained: [], rewritten: false,
    handle: null, recovery: false, waits: [], key: "ed25519", ...change,
  };
}

export function device(seniority, change = {}) {
  return {
    device: `${seniority}d`.repeat(32), fingerprint: "5d0e 88f1 c02a 6b97", me: false, active: true,
    seniority, added_at_ms: MAY + seniority * DAY, ...change,
  };
}

/** Somebody changed the own user that many days after it was registered. */
export function changed(days, text, change = {}) {
  return {
    id: `${days}c`.repeat(32), text, at_ms: MAY + days * DAY, height: 812 + days, by: DEVICE, mine: true,
    ...change,
  };
}

export function contact(name, days, change = {}) {
  const user = Buffer.from(name).toString("hex").padEnd(64, "0");
  return { user, name, since_ms: MAY, last_ms: MAY + days * DAY, ...change };
}

export function handed(kind) {
  return { link: `conclave:${kind}/1#${"SGFuZGVk".repeat(20)}`, qr: { size: 29, path: QR } };
}

/** Something that happens later unless somebody objects: by default, a device wants to put this one out. */
export function waiting(change = {}) {
  return {
    by: device(1).device, what: "revocation", device: DEVICE, due_ms: MAY + DAY, mine: false,
    may_cancel: true, text: "1d1d1d1d asked that device bbbbbbbb be put out", ...change,
  };
}

/** What a recovery key looks like on paper: the words are on the list, the check does not hold. */
export function sheet(change = {}) {
  return {
    words: "acid legal winner thank year wave sausage worth useful bench solar umbrella "
      + "letter advice cage absurd amount doctor acoustic avoid mosquito velvet orbit zoo",
    user: "aa".repeat(32), fingerprint: "c4d2 118e 60fb 93a7", network: "0f".repeat(32), ...change,
  };
}

/** What is known of somebody from before. */
export function met(ok = true) {
  const text = ok ? "you met before, first 12 days ago, with the same key"
    : "you met first 12 days ago; their keys changed since, and nothing explains it";
  return { name: "met", ok, text, known: true };
}

export function member(idx, name, change = {}) {
  return {
    idx, user: "cc".repeat(32), device: "dd".repeat(32), name, fingerprint: "31c0 aa07 5be9 1f42",
    leader: false, me: false, admitted_height: 1190, link: "direct", key: "ok", key_text: "",
    streams: [], ...change,
  };
}

export function lobbyist(idx, name, change = {}) {
  const facts = Object.entries(FACTS).map(([fact, text]) => ({ name: fact, ok: true, text }));
  return {
    idx, user: "ee".repeat(32), device: "ff".repeat(32), name, fingerprint: "7712 0fe1 92bb c3d4",
    asked_at_ms: 1_790_000_000_000, facts, proof_height: 1203, ready: true, ...change,
  };
}

export function meeting(change = {}) {
  return {
    mid: "12".repeat(32), title: "Weekly review", role: "leader", phase: "live",
    phase_text: "You are in the meeting.", term: 1, epoch: 3, key_age_ms: 42_000, leader: 0, me: 0,
    invite: { link: `conclave:j/1#${"Q2FzZXM".repeat(20)}`, qr: { size: 29, path: QR } },
    members: [member(0, "Alice Martin", { leader: true, me: true, link: "self" }), member(1, "Bob Okafor")],
    lobby: [], chat: [], notices: [], ended_reason: null, codes: codes(), ...change,
  };
}

/** A meeting of that many, as busy as one is: hands, recording, poor ways, a key that is missing. */
export function crowd(count, change = {}) {
  const extra = [
    {}, {}, { hand_ms: 1_790_000_000_000 }, { link: "relayed", quality: { rtt_ms: 720, loss: 0.12 } },
    { key: "problem", key_text: "no key for epoch 17 from them since 1.2 s, asking Bob Okafor" },
    { recording: true, quality: { rtt_ms: 40, loss: 0 } }, { met: met(false) }, { link: "none" },
  ];
  const members = Array.from({ length: count }, (_, n) => n === 0
    ? member(0, "Alice Martin", { leader: true, me: true, link: "self" })
    : member(n, NAMES[n % NAMES.length] + (n < NAMES.length ? "" : ` ${n}`), {
      user: n.toString(16).padStart(64, "0"), met: met(), streams: [{ stream_no: 0, kind: "audio", live: n % 3 === 0 }],
      ...extra[n % extra.length],
    }));
  return meeting({ me: null, members, policy: { admit: "ask" }, ...change });
}

/** What somebody gives to the meeting. */
export function file(id, name, change = {}) {
  return {
    id, idx: 1, name: "Bob Okafor", me: false, file: name, size: 1_250_000, at_ms: 1_790_000_000_000,
    state: "offered", done: 0, text: "", ...change,
  };
}

export function anchors(change = {}) {
  return {
    endpoints: ["rpc.example.org:443"], count: 12, checked_ms: 1_790_000_000_000, anchored: 1180, behind: 24,
    list: [
      { number: 12, height: 1200, header: "", by: "11111111", chain: 1, tx: "", block: null, block_ms: null, depth: null, verdict: "pending", words: "the transaction is not in a block yet", problems: [] },
      { number: 11, height: 1180, header: "", by: "22222222", chain: null, tx: "", block: 9, block_ms: 1, depth: 6, verdict: "anchored", words: "the anchor is six blocks deep", problems: [] },
    ], ...change,
  };
}

export const CHECKS = [
  { name: "identity", level: "ok", text: "your key file can be read by you alone", next: "" },
  { name: "clock", level: "warn", text: "the clock of this computer is 42 s behind that of the validators", next: "let the system set the clock by the network" },
  { name: "ledger", level: "bad", text: "3 of 4 validators do not answer", next: "check that this computer is connected to the network" },
  { name: "disk", level: "bad", text: "the disk is full", next: "make room where Conclave keeps its data" },
];

export function codes(change = {}) {
  return {
    security: Array(8).fill("01234").join(" "), epoch: Array(6).fill("56789").join(" "),
    short: [["\u{1F427}", "penguin"], ["\u{1F4F0}", "newspaper"], ["\u{1F681}", "helicopter"],
      ["\u{1F371}", "lunch box"]].map(([picture, name]) => ({ picture, name })),
    waits_for: [], evidence: [], ...change,
  };
}

const NAMES = ["Alice Martin", "Bob Okafor", "Carla Ruiz", "Dan Weber", "Eve Lindqvist-Hernández", "Fatima Zahra",
  "Grace Oduya", "Hiroshi Tanaka", "Ines Pereira", "Jonas Brandt", "Katarína Horváthová", "Li Wei", "Mahmoud Saleh"];
const DEVICE = "bb".repeat(32);
/** 3 May 2025, noon, and a day. */
const MAY = 1_746_273_600_000;
const DAY = 86_400_000;
const FACTS = {
  signature: "The request is signed by their identity key.",
  identity: "Their identity is on the ledger and active.",
  invite: "They had your invite link.",
  transport: "This connection is held by the device that asked.",
  keys: "Their meeting keys are well formed.",
  ban: "They are not banned here.",
  info: "Their name is the one on the ledger.",
};
const QR = Array.from({ length: 21 * 21 }, (_, n) => (n * n * 7 + n * 3) % 5 < 2
  ? `M${4 + n % 21},${4 + Math.floor(n / 21)}h1v1h-1z` : "").join("");
const TYPES = { css: "text/css", html: "text/html", js: "text/javascript", svg: "image/svg+xml" };
const HEADERS = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    + "img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob: mediastream:; "
    + "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    + "require-trusted-types-for 'script'; trusted-types lit-html",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

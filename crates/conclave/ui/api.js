/** @import { Check, DaemonEvent, Disclosed, Handed, Identity, Preview, Refusal, Sheet } from "./types.js" */
import { parse } from "./text.js";
import { t } from "./words.js";

/** What the daemon answered instead of doing what was asked. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {Refusal} refusal
   */
  constructor(status, refusal) {
    super(refusal.error);
    this.status = status;
    this.refusal = refusal;
  }
}

/** Takes the token out of the address, so that it is neither shown nor bookmarked. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
async function ask(path, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${sessionStorage.getItem("token") ?? ""}`);
  let response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new Refused(0, {
      error: t("error.silent"),
      next: t("error.silent.next"),
    });
  }
  if (!response.ok) throw new Refused(response.status, await refusal(response));
  return response;
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
async function refusal(response) {
  try {
    const { error, next } = parse(await response.text());
    return { error: String(error), next: String(next ?? "") };
  } catch {
    return { error: t("error.request", { status: response.status }), next: t("error.again") };
  }
}

/**
 * @param {string} path
 * @param {object} [body]
 */
async function post(path, body = {}) {
  const headers = { "content-type": "application/json" };
  return parse(await (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })).text());
}

/**
 * Follows the daemon for as long as the page is open.
 *
 * @param {(event: DaemonEvent) => void} onEvent
 * @param {(to: "lost" | "locked") => void} onTrouble
 */
export async function follow(onEvent, onTrouble) {
  for (;;) {
    try {
      onEvent({ kind: "state", state: parse(await (await ask("/api/state")).text()) });
      await readEvents(await ask("/api/events"), onEvent);
      onTrouble("lost");
    } catch (cause) {
      if (!(cause instanceof Refused) && !(cause instanceof TypeError)) console.error(cause);
      if (cause instanceof Refused && cause.status === 401) return onTrouble("locked");
      onTrouble("lost");
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/**
 * @param {Response} response
 * @param {(event: DaemonEvent) => void} onEvent
 */
async function readEvents(response, onEvent) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const chunk = await reader?.read();
    if (!chunk || chunk.done) return;
    const messages = (text + chunk.value).split("\n\n");
    text = messages.pop() ?? "";
    for (const message of messages) {
      const lines = message.split("\n").filter((line) => line.startsWith("data:"));
      const data = lines.map((line) => line.slice(5).trimStart()).join("\n");
      if (data) onEvent(parse(data));
    }
  }
}

/**
 * @param {"camera" | "screen"} kind
 * @param {string} sdp
 * @returns {Promise<{ location: string, sdp: string }>}
 */
async function publish(kind, sdp) {
  const headers = { "content-type": "application/sdp" };
  const response = await ask(`/whip?kind=${kind}`, { method: "POST", headers, body: sdp });
  return { location: response.headers.get("location") ?? "", sdp: await response.text() };
}

export const api = {
  post,
  publish,
  /** @param {string} link @returns {Promise<Preview>} */
  preview: (link) => post("/api/invite", { link }),
  /** @param {"devices/offer" | "devices/accept" | "info/disclose"} name
   * @param {object} [body]
   * @returns {Promise<Handed>} */
  hand: (name, body) => post(`/api/${name}`, body),
  /** @param {string} link @returns {Promise<Disclosed>} */
  checkDisclosure: (link) => post("/api/info/check", { link }),
  /** @returns {Promise<Sheet>} */
  drawSheet: () => post("/api/recovery/sheet"),
  /** @param {object} body @returns {Promise<Identity>} */
  recover: (body) => post("/api/recovery/recover", body),
  /** @param {string} location */
  unpublish: (location) => ask(location, { method: "DELETE" }),
  /**
   * @param {{ id: string | null, sdp: string,
   *   want: { mid: string, idx: number, stream_no: number }[] }} body
   * @returns {Promise<{ id: string, sdp: string }>}
   */
  receive: (body) => post("/api/receive", body),
  /** @returns {Promise<{ checks: Check[] }>} */
  doctor: async () => parse(await (await ask("/api/doctor")).text()),
  /** @param {File} file */
  sendFile: (file) => ask(`/api/file?name=${encodeURIComponent(file.name)}`, {
    method: "POST", headers: { "content-type": "application/octet-stream" }, body: file,
  }),
  /** @param {string} id @returns {Promise<Blob>} */
  file: async (id) => (await ask(`/api/file/${encodeURIComponent(id)}`)).blob(),
};

const RECONNECT_MS = 1000;

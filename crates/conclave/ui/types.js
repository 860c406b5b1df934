/**
 * The daemon's JSON, as `src/http/wire` writes it, and what the page adds to it.
 *
 * @typedef {{
 *   version: string, network: Network, identity: Identity | null,
 *   meeting: Meeting | null, recent: PastMeeting[],
 * }} State
 * @typedef {{
 *   name: string, chain_id: string, dev: boolean, height: number, age_ms: number,
 *   freshness: "fresh" | "amber" | "stale", validators: Validator[],
 * }} Network
 * @typedef {{ key: string, url: string, height: number | null, ok: boolean }} Validator
 * @typedef {"clear" | "commit" | "encrypted"} InfoForm
 * @typedef {{
 *   user: string, device: string, fingerprint: string,
 *   info: { form: InfoForm, text: string }, registered: boolean,
 * }} Identity
 * @typedef {{ mid: string, title: string, ended_at_ms: number }} PastMeeting
 *
 * @typedef {"publishing" | "requesting" | "knocking" | "waiting" | "joining" | "live" | "left"
 *   | "ended" | "denied" | "removed" | "failed"} Phase
 * @typedef {{
 *   mid: string, title: string, role: "guest" | "leader", phase: Phase, phase_text: string,
 *   term: number, epoch: number, key_age_ms: number, leader: number | null, me: number | null,
 *   invite: Invite | null, members: Member[], lobby: Lobbyist[], chat: Line[],
 *   notices: Notice[], ended_reason: string | null, codes: Codes | null,
 * }} Meeting
 * @typedef {{
 *   security: string, epoch: string, short: { picture: string, name: string }[],
 *   waits_for: string[], evidence: Evidence[],
 * }} Codes
 * @typedef {{ kind: "equivocation" | "fork", text: string, parts: string[] }} Evidence
 * @typedef {{ link: string, qr: { size: number, path: string } }} Invite
 * @typedef {{
 *   idx: number, user: string, device: string, name: string, fingerprint: string,
 *   leader: boolean, me: boolean, admitted_height: number,
 *   link: "direct" | "none" | "relayed" | "self", key: "ok" | "problem" | "waiting",
 *   key_text: string, streams: Stream[],
 * }} Member
 * @typedef {"audio" | "screen" | "screen-audio" | "video"} StreamKind
 * @typedef {{ stream_no: number, kind: StreamKind, live: boolean }} Stream
 * @typedef {{
 *   idx: number, user: string, device: string, name: string, fingerprint: string,
 *   asked_at_ms: number, facts: Fact[], proof_height: number, ready: boolean,
 * }} Lobbyist
 * @typedef {"ban" | "identity" | "invite" | "keys" | "signature" | "transport"} FactName
 * @typedef {{ name: FactName, ok: boolean, text: string }} Fact
 * @typedef {{
 *   id: string, idx: number, name: string, text: string, at_ms: number, me: boolean,
 * }} Line
 * @typedef {{ id: string, level: "error" | "info" | "warn", text: string, next: string }} Notice
 * @typedef {{
 *   mid: string, title: string, leader: { user: string, name: string, fingerprint: string },
 *   proof_height: number, checks: { name: string, ok: boolean, text: string }[],
 * }} Preview
 * @typedef {{ error: string, next: string }} Refusal
 * @typedef {{ kind: "state", state: State } | { kind: "notice", notice: Notice }} DaemonEvent
 *
 * What the page itself remembers.
 *
 * @typedef {"chat" | "codes" | "invite" | "people"} Panel
 * @typedef {{ act: "end" } | { act: "kick", idx: number, ban: boolean }} Question
 * @typedef {{ camera: boolean, mic: boolean, screen: boolean, problem: string }} Media
 * @typedef {{
 *   connection: "connecting" | "open" | "lost" | "locked",
 *   daemon: State | null,
 *   screen: "home" | "join",
 *   link: string,
 *   preview: Preview | null,
 *   panel: Panel | null,
 *   question: Question | null,
 *   refusal: Refusal | null,
 *   toasts: Notice[],
 *   busy: string[],
 *   media: Media,
 *   read: number,
 *   closed: string | null,
 *   said: string,
 * }} Screen
 * @typedef {DaemonEvent
 *   | { kind: "connection", to: Screen["connection"] }
 *   | { kind: "go", screen: Screen["screen"] }
 *   | { kind: "preview", link: string, preview: Preview }
 *   | { kind: "panel", panel: Panel | null }
 *   | { kind: "ask", question: Question | null }
 *   | { kind: "refused", refusal: Refusal | null }
 *   | { kind: "busy", name: string, on: boolean }
 *   | { kind: "media", media: Partial<Media> }
 *   | { kind: "dismiss", id: string }
 *   | { kind: "close", mid: string }
 *   | { kind: "said", text: string }} Happening
 *
 * What the views may ask for.
 *
 * @typedef {{
 *   tell: (happening: Happening) => void,
 *   createIdentity: (name: string, form: InfoForm, passphrase: string) => void,
 *   start: (title: string) => void,
 *   check: (link: string) => void,
 *   join: () => void,
 *   admit: (idx: number) => void,
 *   admitAll: () => void,
 *   deny: (idx: number, ban: boolean) => void,
 *   kick: (idx: number, ban: boolean) => void,
 *   leave: () => void,
 *   end: () => void,
 *   chat: (text: string) => Promise<boolean>,
 *   dismiss: (id: string) => void,
 *   copy: (text: string) => void,
 *   mute: (on: boolean) => void,
 *   camera: (on: boolean) => void,
 *   share: (on: boolean) => void,
 *   picture: (idx: number, kind: StreamKind) => MediaStream | null,
 * }} Actions
 */

export {};

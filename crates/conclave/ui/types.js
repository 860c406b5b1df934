/**
 * The daemon's JSON, as `src/http/wire` writes it, and what the page adds to it.
 *
 * @typedef {{
 *   version: string, network: Network, identity: Identity | null,
 *   meeting: Meeting | null, recent: PastMeeting[], contacts: Contact[],
 *   anchors: Anchors | null, key_store?: boolean,
 * }} State
 * @typedef {{
 *   endpoints: string[], count: number, checked_ms: number, anchored: number | null,
 *   behind: number, list: Anchor[],
 * }} Anchors
 * @typedef {{
 *   number: number | null, height: number, header: string, by: string | null,
 *   chain: number | null, tx: string, block: number | null, block_ms: number | null,
 *   depth: number | null, verdict: "anchored" | "conflict" | "missing" | "pending",
 *   words: string, problems: string[],
 * }} Anchor
 * @typedef {{
 *   name: string, chain_id: string, dev: boolean, height: number, age_ms: number,
 *   freshness: "fresh" | "amber" | "stale", validators: Validator[], work?: number,
 *   fork?: Evidence | null, overdue?: number, landing?: string,
 * }} Network
 * @typedef {{ key: string, url: string, height: number | null, ok: boolean }} Validator
 * @typedef {"clear" | "commit" | "encrypted"} InfoForm
 * @typedef {{
 *   user: string, device: string, fingerprint: string,
 *   info: { form: InfoForm, text: string }, registered: boolean, devices: Device[],
 *   changes: Change[], unexplained: Change[], rewritten: boolean,
 *   handle: string | null, recovery: boolean, waits: Waiting[], key: KeyAlgorithm | "",
 * }} Identity
 * @typedef {"ed25519" | "secp256k1" | "ed448"} KeyAlgorithm
 * @typedef {{
 *   by: string, what: "revocation" | "recovery" | "recoverykey", device: string | null,
 *   due_ms: number, mine: boolean, may_cancel: boolean, text: string,
 * }} Waiting
 * @typedef {{ words: string, user: string, fingerprint: string, network: string }} Sheet
 * @typedef {{
 *   device: string, fingerprint: string, me: boolean, active: boolean, seniority: number,
 *   added_at_ms: number,
 * }} Device
 * @typedef {{
 *   id: string, text: string, at_ms: number, height: number, by: string, mine: boolean,
 * }} Change
 * @typedef {{ user: string, name: string, since_ms: number, last_ms: number }} Contact
 * @typedef {{ link: string, qr: Qr }} Handed
 * @typedef {{
 *   user: string, ok: boolean, shown: string, text: string, proof_height: number,
 * }} Disclosed
 * @typedef {{ mid: string, title: string, ended_at_ms: number }} PastMeeting
 *
 * @typedef {"publishing" | "requesting" | "knocking" | "waiting" | "joining" | "live" | "left"
 *   | "ended" | "denied" | "removed" | "failed"} Phase
 * @typedef {{
 *   mid: string, title: string, role: "guest" | "leader", phase: Phase, phase_text: string,
 *   term: number, epoch: number, key_age_ms: number, leader: number | null, me: number | null,
 *   invite: Invite | null, members: Member[], lobby: Lobbyist[], chat: Line[],
 *   notices: Notice[], ended_reason: string | null, codes: Codes | null,
 *   locked?: boolean,
 *   sealed?: boolean,
 *   provisional?: boolean,
 *   reactions?: Reaction[], asked?: Asked[], files?: SharedFile[], policy?: { admit: Admission },
 * }} Meeting
 * @typedef {"ask" | "met" | "everyone"} Admission who is let in without being asked about
 * @typedef {{ id: string, idx: number, name: string, emoji: string, at_ms: number }} Reaction
 * @typedef {"mute" | "unmute" | "camera-off" | "hand-down"} Wish
 * @typedef {{ id: string, idx: number, name: string, what: Wish, at_ms: number }} Asked
 * @typedef {{
 *   id: string, idx: number, name: string, me: boolean, file: string, size: number, at_ms: number,
 *   state: "offered" | "receiving" | "sending" | "here" | "failed" | "gone", done: number, text: string,
 * }} SharedFile
 * @typedef {{
 *   security: string, epoch: string, short: { picture: string, name: string }[],
 *   waits_for: string[], evidence: Evidence[],
 * }} Codes
 * @typedef {{ kind: "equivocation" | "fork", text: string, parts: string[], file?: string }} Evidence
 * @typedef {{ size: number, path: string }} Qr
 * @typedef {{ link: string, qr: Qr }} Invite
 * @typedef {{
 *   idx: number, user: string, device: string, name: string, fingerprint: string,
 *   leader: boolean, me: boolean, admitted_height: number,
 *   link: "direct" | "none" | "relayed" | "self", key: "ok" | "problem" | "waiting",
 *   key_text: string, met?: Fact, handle?: string, votes?: number, hidden?: boolean, streams: Stream[],
 *   hand_ms?: number, recording?: boolean, quality?: { rtt_ms: number, loss: number },
 * }} Member
 * @typedef {"audio" | "screen" | "screen-audio" | "video"} StreamKind
 * @typedef {{ stream_no: number, kind: StreamKind, live: boolean }} Stream
 * @typedef {{
 *   idx: number, user: string, device: string, name: string, fingerprint: string,
 *   asked_at_ms: number, facts: Fact[], proof_height: number, ready: boolean, handle?: string,
 * }} Lobbyist
 * @typedef {"ban" | "bearer" | "identity" | "info" | "invite" | "keys" | "met" | "signature" | "transport"} FactName
 * @typedef {{ name: FactName, ok: boolean, text: string, known?: boolean }} Fact `known`: met before
 * @typedef {{
 *   id: string, idx: number, name: string, text: string, at_ms: number, me: boolean,
 * }} Line
 * @typedef {{ id: string, level: "error" | "info" | "warn", text: string, next: string }} Notice
 * @typedef {{
 *   mid: string, title: string, leader: { user: string, name: string, fingerprint: string },
 *   proof_height: number, checks: { name: string, ok: boolean, text: string }[],
 * }} Preview
 * @typedef {{ error: string, next: string, of?: string }} Refusal `of`: the command, told by the page
 * @typedef {{ kind: "state", state: State } | { kind: "notice", notice: Notice }} DaemonEvent
 *
 * What the page itself remembers.
 *
 * @typedef {"chat" | "files" | "gear" | "identity" | "invite" | "more" | "people" | "security"} Panel
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {"unknown" | "none" | "cloud" | "failed" | "fetch" | "fetching" | "ready"} Able whether speech is recognised on this computer
 * @typedef {{ name: string, level: "ok" | "warn" | "bad", text: string, next: string }} Check
 * @typedef {{ id: string, label: string }} Plugged
 * @typedef {{
 *   cameras: Plugged[], mics: Plugged[], speakers: Plugged[], blur: "none" | "off" | "on",
 * }} Gear the devices of this computer; `blur`: whether the camera can hide what is behind a person
 * @typedef {{ act: "end" } | { act: "appoint", idx: number } | { act: "kick", idx: number, ban: boolean } | { act: "rotate" }
 *   | { act: "revoke", device: string } | { act: "forget", user: string }} Question
 * @typedef {{ camera: boolean, mic: boolean, screen: boolean, problem: string }} Media
 * @typedef {{ sheet: Sheet, ask: number[] }} Drawn a sheet, and which of its words (from 1) are asked back
 * @typedef {{
 *   connection: "connecting" | "open" | "lost" | "locked",
 *   daemon: State | null,
 *   screen: "home" | "join" | "identity" | "offer" | "accept" | "answer" | "sheet" | "proof"
 *     | "recover" | "recovering" | "doctor",
 *   link: string,
 *   preview: Preview | null,
 *   handed: Handed | null,
 *   disclosed: Disclosed | null,
 *   drawn: Drawn | null,
 *   typed: number,
 *   panel: Panel | null,
 *   question: Question | null,
 *   refusal: Refusal | null,
 *   toasts: Notice[],
 *   busy: string[],
 *   media: Media,
 *   read: number,
 *   closed: string | null,
 *   said: string,
 *   settings: Settings,
 *   dialog: "settings" | "keys" | null,
 *   layout: "grid" | "speaker",
 *   pinned: number | null,
 *   speaker: number | null,
 *   large: number | null,
 *   gear: Gear,
 *   checks: Check[] | null,
 *   recording: boolean,
 *   told: number,
 *   heard: { id: number, text: string }[],
 *   captions: { able: Able, lines: { id: number, idx: number, text: string, done: boolean }[] },
 * }} Screen
 * @typedef {DaemonEvent
 *   | { kind: "connection", to: Screen["connection"] }
 *   | { kind: "go", screen: Screen["screen"] }
 *   | { kind: "preview", link: string, preview: Preview }
 *   | { kind: "handed", handed: Handed, screen: Screen["screen"] }
 *   | { kind: "disclosed", disclosed: Disclosed }
 *   | { kind: "drawn", drawn: Drawn }
 *   | { kind: "proof", on: boolean }
 *   | { kind: "typed", words: number }
 *   | { kind: "panel", panel: Panel | null }
 *   | { kind: "ask", question: Question | null }
 *   | { kind: "refused", refusal: Refusal | null }
 *   | { kind: "busy", name: string, on: boolean }
 *   | { kind: "media", media: Partial<Media> }
 *   | { kind: "dismiss", id: string }
 *   | { kind: "close", mid: string }
 *   | { kind: "said", text: string }
 *   | { kind: "settings", settings: Partial<Settings> }
 *   | { kind: "dialog", dialog: Screen["dialog"] }
 *   | { kind: "layout", layout: Screen["layout"] }
 *   | { kind: "pin", idx: number | null }
 *   | { kind: "speaker", idx: number | null }
 *   | { kind: "gear", gear: Partial<Gear> }
 *   | { kind: "checks", checks: Check[] | null }
 *   | { kind: "recording", on: boolean }
 *   | { kind: "able", able: Able }
 *   | { kind: "caption", idx: number, text: string, done: boolean }
 *   | { kind: "unheard", id: number }} Happening
 *
 * What the views may ask for.
 *
 * @typedef {{
 *   tell: (happening: Happening) => void,
 *   createIdentity: (name: string, form: InfoForm, passphrase: string, key: KeyAlgorithm,
 *     work: boolean, store: boolean) => void,
 *   claimHandle: (name: string) => Promise<boolean>,
 *   rename: (name: string, form: InfoForm | "", passphrase: string) => Promise<boolean>,
 *   offerDevice: () => void,
 *   acceptDevice: (link: string, passphrase: string, store: boolean) => void,
 *   addDevice: (link: string) => void,
 *   revokeDevice: (device: string) => void,
 *   rotateKey: (passphrase: string) => void,
 *   acknowledge: () => void,
 *   disclose: () => void,
 *   checkDisclosure: (link: string) => void,
 *   forget: (user: string) => void,
 *   drawSheet: () => void,
 *   keepSheet: (drawn: Drawn, typed: string[]) => void,
 *   print: () => void,
 *   callOff: (by: string) => void,
 *   recover: (words: string, name: string, form: InfoForm | "", passphrase: string, store: boolean) => void,
 *   start: (title: string, rules: { auto_admit?: true, sealed?: true }) => void,
 *   check: (link: string) => void,
 *   join: () => void,
 *   admit: (idx: number) => void,
 *   admitAll: () => void,
 *   deny: (idx: number, ban: boolean) => void,
 *   appoint: (idx: number) => void,
 *   vote: (idx: number) => void,
 *   lock: (locked: boolean) => void,
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
 *   set: (settings: Partial<Settings>) => void,
 *   choose: (kind: "camera" | "mic" | "speaker", id: string) => void,
 *   blur: (on: boolean) => void,
 *   fetchCaptions: () => void,
 *   hand: (up: boolean) => void,
 *   react: (emoji: string) => void,
 *   ask: (idx: number | null, what: Wish) => void,
 *   answer: (asked: Asked, yes: boolean) => void,
 *   record: (on: boolean) => void,
 *   admitKnown: () => void,
 *   admission: (admit: Admission) => void,
 *   sendFiles: (files: Iterable<File>) => void,
 *   takeFile: (file: SharedFile) => void,
 *   saveFile: (file: SharedFile) => void,
 *   download: (name: string, type: string, text: string) => void,
 *   doctor: () => void,
 *   fill: (idx: number | null) => void,
 *   float: (idx: number) => void,
 * }} Actions
 */

export {};

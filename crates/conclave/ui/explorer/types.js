/**
 * The explorer's JSON, as `src/explorer/wire.rs` writes it, and what the page adds to it.
 *
 * @typedef {"block" | "device" | "meeting" | "tx" | "user" | "validator"} Kind
 * @typedef {{ kind: Kind, id: string }} Target
 * @typedef {{ text: string, to?: Target, quoted?: boolean }} Part
 * @typedef {{
 *   height: number, time_ms: number, digest: string, proposer: string,
 *   identity: number, meeting: number, size: number,
 * }} BlockLine
 * @typedef {{
 *   id: string, height: number, time_ms: number, ledger: "identity" | "meeting", index: number,
 *   kind: string, words: Part[],
 * }} TxLine
 * @typedef {{ from: number, txs: number }} Reach
 * @typedef {{
 *   name: string, chain_id: string, validator: string, validators: number, height: number,
 *   time_ms: number, now_ms: number, rate: number, waiting: number, identity: number,
 *   meeting: number, reach: Reach, blocks: BlockLine[], txs: TxLine[],
 * }} Overview
 * @typedef {{
 *   blocks: BlockLine[], txs: TxLine[], rate: number, waiting: number, identity: number,
 *   meeting: number, reach: Reach,
 * }} Tick
 * @typedef {{ height: number, validators: number, signers: string[] }} Certificate
 * @typedef {{
 *   block: BlockLine, parent: string, epoch: number, view: number, identity_root: string,
 *   meeting_root: string, valset: string, next_valset: string, certificate: Certificate | null,
 *   from: number, count: number, txs: TxLine[], has_next: boolean,
 * }} BlockView
 * @typedef {{
 *   tx: TxLine, signer: string, nonce: number, expiry_ms: number, size: number,
 *   signatures: { role: string, algorithm: string }[], bytes: string,
 * }} TxView
 * @typedef {{ form: "clear" | "encrypted" | "commit" | "none", text: string }} Info
 * @typedef {{
 *   id: string, active: boolean, fingerprint: string, algorithm: string, seniority: number,
 *   added: number, added_ms: number, revoked: number | null, recovery: boolean,
 *   waits: { words: Part[], due_ms: number } | null,
 * }} DeviceLine
 * @typedef {{
 *   id: string, active: boolean, handle: string | null, info: Info, seq: number,
 *   registered: number, registered_ms: number, recovery: boolean, devices: DeviceLine[],
 *   txs: TxLine[], reach: Reach,
 * }} UserView
 * @typedef {{
 *   device: DeviceLine, user: string, next_nonce: number, txs: TxLine[], reach: Reach,
 * }} DeviceView
 * @typedef {{
 *   idx: number, user: string, device: string,
 *   status: "admitted" | "left" | "removed" | "requested" | "lapsed", reason: string | null,
 *   in_roster: boolean, requested_ms: number, admitted: number | null,
 * }} MemberLine
 * @typedef {{
 *   id: string, state: "open" | "ended" | "expired", info: Info, term: number, epoch: number,
 *   leader: number, led: boolean, lease_end_ms: number, rekey_due: boolean, auto_admit: boolean,
 *   locked: boolean, sealed: boolean, succession: string[], suite: string, published: number,
 *   published_ms: number, last_activity_ms: number, asked: number, members: MemberLine[],
 *   txs: TxLine[], reach: Reach,
 * }} MeetingView
 * @typedef {{
 *   key: string, name: string | null, me: boolean, in_force: boolean, proposed: number,
 *   signed: number, last_height: number | null, last_ms: number | null,
 * }} ValidatorLine
 * @typedef {{ words: Part[], by: string[], needed: number }} Vote
 * @typedef {{ words: Part[], agreed: number, agreed_ms: number, from: number }} Change
 * @typedef {{
 *   window: number, quorum: number, validators: ValidatorLine[], epoch: number,
 *   epoch_ends: number, votes: Vote[], changes: Change[],
 * }} ValidatorsView
 * @typedef {{
 *   height: number, header: string, matches: "same" | "other" | "unknown", network: string,
 *   txid: string, by: string, at: number, at_ms: number,
 * }} AnchorLine
 * @typedef {{ count: number, newest: number, anchors: AnchorLine[] }} AnchorsView
 * @typedef {{
 *   validator: ValidatorLine, window: number, txs: TxLine[], reach: Reach,
 * }} ValidatorView
 * @typedef {{ hits: Target[], recent_only: boolean, reach: Reach }} Found
 *
 * @typedef {{ name: "overview" | "validators" | "anchors" } | { name: "search", query: string }
 *   | { name: "block", id: string, from: number }
 *   | { name: "device" | "meeting" | "tx" | "user" | "validator", id: string }
 *   | { name: "nowhere" }} Route
 *
 * What one route shows, as it came; the views know which shape belongs to which route.
 * @typedef {{ key: string, data: any }} Loaded
 * @typedef {{
 *   route: Route, overview: Overview | null, loaded: Loaded | null, failure: string | null,
 *   live: "connecting" | "live" | "lost", paused: boolean, skew: number, said: string,
 * }} Screen
 * @typedef {{ kind: "go", route: Route } | { kind: "overview", overview: Overview, now: number }
 *   | { kind: "tick", tick: Tick } | { kind: "loaded", route: Route, data: any }
 *   | { kind: "failed", route: Route, text: string } | { kind: "live", to: "live" | "lost" }
 *   | { kind: "pause", on: boolean }} Happening
 * @typedef {{ tell: (happening: Happening) => void, search: (query: string) => void }} Actions
 */
export {};

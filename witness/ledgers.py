"""Both ledgers of a recording, from the genesis on: sections 3, 5, 6, 20 and 22."""

import base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import algorithms, blocks, ids, proofs, validators
from .codec import Refused, decode, encode
from .meeting import judge
from .state import State
from .transactions import Rules


class Played:
    """What the ledgers say of the recorded meeting."""

    def __init__(self):
        self.headers = {}
        self.state = State()
        self.registered = {}
        self.published = None
        self.requests = {}
        self.records = []
        self.seats = {}
        self.exchange_keys = {}


class Committees:
    """The sets of validators as the state has them."""

    def __init__(self, rules, state):
        self.rules, self.state = rules, state
        self.known = {}

    def at(self, height):
        """The set that seals the block of that height, once all before it were executed."""
        keys = tuple(validators.validators_at(self.rules, self.state, {"height": height}))
        if keys not in self.known:
            blocks_of_epoch = self.rules.params["epoch_blocks"]
            self.known[keys] = blocks.Committee(self.rules.chain_id, blocks_of_epoch, keys)
        return self.known[keys]


def play(report, recording):
    """Checks and executes every block; gives what came of it."""
    played = Played()
    rules = Rules(recording.chain_id, recording.genesis, algorithms.quick)
    committees = Committees(rules, played.state)
    answers = {}
    for line in recording.answers:
        answers.setdefault(line["height"], []).append(line)
    for height, line in enumerate(recording.blocks):
        try:
            header, txs = blocks.read_block(line["block"])
        except Refused as refused:
            report.check("chain", False, f"block {height}: {refused}")
            break
        played.headers[height] = header
        committee = committees.at(height)
        check_place(report, recording, committee, played, height)
        if height > 0:
            check_certificate(report, committee, header, line["answer"])
        for index, (ledger, data) in enumerate(txs):
            at = {"height": height, "index": index, "time": header["time_ms"] // 1000}
            execute(report, recording, rules, played, at, ledger, data)
        handed = header["next_valset_hash"] == committees.at(height + 1).hash
        report.check("chain", handed, f"block {height}: other validators after it")
        for answer in answers.get(height, []):
            check_answer(report, committee, played, height, answer)
    whole = sorted(played.headers) == list(range(recording.height + 1))
    report.check("chain", whole, "blocks are missing or too many")
    late = [height for height in answers if height not in played.headers]
    report.check("proofs", not late, f"answers about heights {late} without a block")
    identities(report, recording, played)
    requests(report, recording, played)
    rosters(report, recording, played)
    return played


def check_place(report, recording, committee, played, height):
    header = played.headers[height]
    name = f"block {height}"
    report.check("chain", committee.seals(header), f"{name}: other validators")
    if height == 0:
        first = header["parent"] == bytes(32) and header["height"] == 0
        first = first and header["time_ms"] == recording.genesis["time_ms"]
        for ledger in ("identity", "meeting"):
            section = header[ledger]
            first = first and section["prev"] == recording.chain_id and section["count"] == 0
        report.check("chain", first, "block 0 is not that of the genesis")
        return
    last = played.headers[height - 1]
    report.check("chain", blocks.follows(last, header), f"{name} does not follow the one before")
    for tag, ledger in enumerate(("identity", "meeting")):
        linked = header[ledger]["prev"] == blocks.link(tag, last)
        report.check("chain", linked, f"{name}: the {ledger} section links elsewhere")


def check_certificate(report, committee, header, data):
    name = f"block {header['height']}"
    try:
        answer = blocks.header_answer(data)
    except Refused as refused:
        report.check("certificates", False, f"{name}: {refused}")
        return
    held = answer["header"] == header and committee.proves(answer)
    report.check("certificates", held, f"{name} is not certified")


def execute(report, recording, rules, played, at, ledger, data):
    name = f"transaction {at['index']} of block {at['height']}"
    try:
        tx = decode("Tx", data)
    except Refused as refused:
        report.check("replay", False, f"{name}: {refused}")
        return
    kind, body = tx["kind"][0], tx["body"]
    name = f"{name}, {kind}"
    of_identity = encode("Kind", tx["kind"])[0] < 0x20
    if encode("Tx", tx) != data or (ledger == "identity") != of_identity:
        report.check("replay", False, f"{name}: in the wrong ledger or form")
        return
    idx = None
    if kind == "MeetingRequest" and body["mid"] == recording.mid:
        meeting = played.state.get(("Meeting", {"mid": recording.mid}))
        idx = meeting["record"]["next_idx"] if meeting else None
    verdict = judge(rules, played.state, at, tx)
    good = report.check("replay", verdict == "accepted", f"{name}: {verdict}")
    # Ids and signatures are the first things the rules judge: what is accepted has them right.
    if kind == "RegisterUser":
        report.check(1, algorithms.check(body["ivk"]) == "good", name)
        user = ids.user(recording.chain_id, body["ivk"], body["salt"])
        derived = (body["user"], body["dev"]) == (user, ids.device(user, body["ivk"]))
        report.check(2, derived, f"{name}: the ids are not derived from the key")
        report.check(3, good, f"{name}: {verdict}")
        played.registered[body["user"]] = body
    if of_identity or body["mid"] != recording.mid:
        return
    for lines, what in OF_MEETING.items():
        if kind == what:
            for line in lines:
                report.check(line, good, f"{name}: {verdict}")
    if not good:
        return
    if kind == "PublishMeeting":
        played.published = body
    elif kind == "MeetingRequest":
        played.requests[idx] = (at, body)
    elif kind == "EpochRecord":
        remember_epoch(played, recording.mid, at, body)
    elif kind == "LeaderReassign" and body["rule"][0] == "Appoint":
        report.check(21, good, f"{name}: {verdict}")
    for idx in range(played.state.get(("Meeting", {"mid": recording.mid}))["record"]["next_idx"]):
        seat = member(played, recording.mid, idx)
        played.seats[idx] = seat
        pair = (seat["epk"], seat["ek_hash"])
        if pair not in played.exchange_keys.setdefault(idx, []):
            played.exchange_keys[idx].append(pair)


def member(played, mid, idx):
    return played.state.get(("Member", {"mid": mid, "idx": idx}))["record"]


def remember_epoch(played, mid, at, body):
    """The record, with the leader and all members as the ledger has them now."""
    meeting = played.state.get(("Meeting", {"mid": mid}))["record"]
    played.records.append({
        "at": at, "epoch": body["epoch"], "term": body["term"], "body": body,
        "hash": ids.sha256(encode("EpochRecord", body)), "leader": meeting["leader"],
        "suite": meeting["suite"],
        "members": {idx: dict(member(played, mid, idx)) for idx in body["roster"]},
    })


def check_answer(report, committee, played, height, line):
    """The proofs of one answer, and whether they say what executing the blocks gave."""
    name = f"answer to {line['to']} at {height}"
    try:
        keys = proofs.read_keys(line["keys"])
        at, entries = proofs.state_answer(line["answer"])
        line["proven"] = {}
        final = at["header"] == played.headers[height] and committee.proves(at)
        if not report.check("proofs", final, f"{name}: its header is not final"):
            return
        if not report.check("proofs", len(entries) == len(keys), f"{name}: not what was asked"):
            return
        for key, entry in zip(keys, entries):
            try:
                record = proofs.prove(at["header"], key, entry)
            except Refused as refused:
                report.check("proofs", False, f"{name}, {key[0]}: {refused}")
                continue
            executed = played.state.records.get(encode("Key", key))
            same = record == executed
            report.check("proofs", same, f"{name}, {key[0]}: not what the blocks give")
            line["proven"][encode("Key", key)] = record
    except Refused as refused:
        report.check("proofs", False, f"{name}: {refused}")


def identities(report, recording, played):
    """Equation 4, and that the participants are whom the ledger knows."""
    for idx, person in recording.people.items():
        user = bytes.fromhex(person["user"])
        body = played.registered.get(user)
        known = body is not None and body["dev"].hex() == person["device"]
        if not report.check(2, known, f"{person['name']} is not registered"):
            continue
        shown = recording.secrets[idx]["info"]
        held = shows(recording.chain_id, body["info"], user, shown, person["name"])
        report.check(4, held, f"the info of {person['name']} is another")
    for _, idx, knock in recording.said("Knock"):
        opening = knock["opening"]
        request = played.requests.get(idx)
        if opening is None or request is None:
            continue
        user = request[1]["user"]
        mac = ids.commitment(opening["r"], user, 0, opening["text"])
        info = played.registered[user]["info"]
        report.check(4, info == ("Commit", {"mac": mac}), f"the opening of {idx} does not hold")


def shows(chain_id, info, user, link, name):
    """Whether the ledger's info is that name, given what opens it."""
    kind, fields = info
    if kind == "Clear":
        return link is None and fields["text"] == name
    if link is None:
        return False
    text = link.removeprefix("conclave:i/1#")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if ids.sha256(data[:-4])[:4] != data[-4:] or data[0] != 1:
        return False
    shown = decode("InfoDisclosure", data[1:-4])
    if (shown["chain_id"], shown["user"], shown["text"]) != (chain_id, user, name):
        return False
    if kind == "Commit":
        return ids.commitment(shown["opener"], user, shown["seq"], name) == fields["mac"]
    extra = user + b"userinfo" + shown["seq"].to_bytes(4, "big")
    try:
        plain = AESGCM(shown["opener"]).decrypt(fields["nonce"], fields["ciphertext"], extra)
    except InvalidTag:
        return False
    return plain == name.encode()


def requests(report, recording, played):
    """Equations 11 and 13: what the leader had been proven when it admitted somebody."""
    for record in played.records:
        for idx in record["body"]["added"]:
            at, body = played.requests.get(idx, (None, None))
            if not report.check(13, body is not None, f"nobody asked for seat {idx}"):
                continue
            seen = [
                line["proven"]
                for line in recording.answers
                if line["to"] == record["leader"]
                and at["height"] <= line["height"] < record["at"]["height"]
                and is_whole(line.get("proven", {}), recording.mid, idx)
            ]
            report.check(11, seen, f"request {idx} was not proven among all of them")
            known = any(is_identity(proven, body) for proven in seen)
            report.check(13, known, f"the identity behind request {idx} was not proven")


def rosters(report, recording, played):
    """Members use no key before the ledger has proven to them who else has it."""
    name = encode("Key", ("Roster", {"mid": recording.mid}))
    for record in played.records:
        roster = {"roster": record["body"]["roster"], "hash": record["body"]["roster_hash"]}
        wanted = ("Roster", {"record": roster})
        proven = any(
            line["to"] in roster["roster"] and line.get("proven", {}).get(name) == wanted
            for line in recording.answers
        )
        report.check("proofs", proven, f"the roster of epoch {record['epoch']} was never proven")


def is_whole(proven, mid, idx):
    """Whether every request of the meeting is proven here, this one among them."""
    meeting = proven.get(encode("Key", ("Meeting", {"mid": mid})))
    if meeting is None:
        return False
    every = range(meeting[1]["record"]["next_idx"])
    members = [proven.get(encode("Key", ("Member", {"mid": mid, "idx": one}))) for one in every]
    return idx in every and None not in members


def is_identity(proven, body):
    device = proven.get(encode("Key", ("Device", {"dev": body["dev"]})))
    user = proven.get(encode("Key", ("User", {"user": body["user"]})))
    if device is None or user is None:
        return False
    device, user = device[1]["record"], user[1]["record"]
    active = device["status"][0] == user["status"][0] == "Active"
    return active and (device["ivk"], device["user"]) == (body["ivk"], body["user"])


OF_MEETING = {
    (6, 7): "PublishMeeting",
    (9, 10): "MeetingRequest",
    (19, 20): "LeaderReassign",
    (22, 23): "MeetingDismiss",
}

"""What the ledgers say of a transaction; the meeting ledger, steps 4 to 10 and 25 of section 20."""

from . import changes, succession, validators, waiting
from .codec import encode
from .identity import put_info, register
from .ids import roster_hash, sha256
from .refusal import sound
from .signature import check_edwards, check_x25519
from .transactions import (
    BY_VALIDATOR, Refusal, check_envelope, check_signatures, require, spend,
)

CHANGES = changes.KINDS | waiting.KINDS
INDEXES = 1024
PRUNED_AT_ONCE = 64
NOWHERE = {"height": 0, "index": 0, "time": 0}


def judge(rules, state, at, tx):
    """`accepted`, or the rule that refuses; the state changes only if it is accepted."""
    try:
        check_signatures(rules, state, tx)
        check_envelope(rules, at, tx)
        if tx["kind"][0] == "RegisterUser":
            register(rules, at, state, tx)
        elif tx["kind"][0] == "Recover":
            waiting.recover(rules, state, at, tx)
        elif tx["kind"][0] in BY_VALIDATOR:
            validators.judge(rules, state, at, tx)
        else:
            device = spend(rules, at, state, tx)
            if tx["kind"][0] in CHANGES:
                CHANGES[tx["kind"][0]](rules, state, at, tx, device)
            else:
                STEPS[tx["kind"][0]](Call(rules, at, state, tx, device))
    except Refusal as refusal:
        state.refuse()
        return str(refusal)
    state.accept()
    return "accepted"


class Call:
    """One transaction whose envelope held."""

    def __init__(self, rules, at, state, tx, device):
        self.rules, self.params, self.at, self.state = rules, rules.params, at, state
        self.signer, self.device, self.body = tx["signer"], device, tx["body"]
        self.mid, self.now = tx["body"]["mid"], at["time"]

    def record(self, kind, **name):
        fields = self.state.get((kind, {"mid": self.mid} | name))
        return None if fields is None else fields["record"]

    def put(self, kind, record, **name):
        self.state.put((kind, {"mid": self.mid} | name), (kind, {"record": record}))

    def open(self):
        meeting = self.record("Meeting")
        require(meeting is not None, "UnknownMeeting")
        over = meeting["ended"] or self.now > meeting["last_activity"] + self.params["idle_ttl"]
        require(not over, "MeetingOver")
        return dict(meeting)

    def lease_end(self, meeting):
        end = meeting["lease_end"]
        if meeting["rekey_due"] is not None:
            end = min(end, meeting["rekey_due"] + self.params["rekey_grace"])
        return end

    def led(self, meeting):
        return meeting["gone_at"] is None and self.now <= self.lease_end(meeting)

    def leads(self, meeting):
        leader = self.record("Member", idx=meeting["leader"])
        require(leader is not None, "UnknownMember")
        require(leader["dev"] == self.signer, "NotTheLeader")
        require(self.body["term"] == meeting["term"], "StaleTerm")
        require(meeting["gone_at"] is None, "LeaderGone")

    def own(self):
        body = self.body
        said = (body["user"], body["dev"], body["ivk"])
        require(said == (self.device["user"], self.signer, self.device["ivk"]), "NotTheSigner")

    def seat(self, idx):
        sound(check_x25519(self.body["epk"]))
        sound(check_edwards(self.body["npk"]))
        name = ("NpkIndex", {"npk": self.body["npk"]})
        require(self.state.get(name) is None, "NpkTaken")
        self.state.put(name, ("Seat", {"seat": {"mid": self.mid, "idx": idx}}))

    def status(self, member):
        late = self.now > member["requested"] + self.params["request_ttl"]
        return None if member["status"][0] == "Requested" and late else member["status"][0]

    def member(self, status, term, admitted):
        body = self.body
        copied = {name: body[name] for name in ("user", "dev", "ivk", "epk", "ek_hash", "npk")}
        return copied | {
            "status": (status, {}), "term": term, "requested": self.now, "admitted": admitted,
        }

    def is_active(self, member):
        fields = self.state.get(("Device", {"dev": member["dev"]}))
        device = fields and fields["record"]
        active = device is not None and device["status"][0] == "Active"
        return active and device["user"] == member["user"]

    def ban(self, user):
        return ("Ban", {"mid": self.mid, "user": user})


def publish(call):
    body = call.body
    call.own()
    require(call.record("Meeting") is None, "MeetingTaken")
    call.seat(0)
    pieces = put_info(call.state, "MeetingInfo", "mid", call.mid, body["info"])
    meeting = {
        "ended": False, "suite": body["suite"], "policy": body["policy"], "info_chunks": pieces,
        "term": 1, "epoch": 0, "leader": 0, "lease_end": call.now + call.params["lease"],
        "gone_at": None, "rekey_due": None, "next_idx": 1, "mk_commit": bytes(32),
        "last_rec": sha256(encode("PublishMeeting", body)), "last_rec_height": 0,
        "last_activity": call.now, "published": call.at,
    }
    call.put("Roster", {"roster": {0}, "hash": bytes(32)})
    call.put("Member", call.member("Admitted", 1, call.at), idx=0)
    call.put("Meeting", meeting)


def request(call):
    body, meeting = call.body, call.open()
    call.own()
    require(body["term"] == meeting["term"], "StaleTerm")
    require(not meeting["policy"]["locked"], "MeetingLocked")
    require(call.state.get(call.ban(body["user"])) is None, "Banned")
    idx = meeting["next_idx"]
    require(idx < min(4 * call.params["max_members"], INDEXES), "MeetingFull")
    name = ("RequestTimes", {"mid": call.mid, "user": body["user"]})
    times = (call.state.get(name) or {"times": []})["times"]
    window = call.params["request_window"]
    times = [time for time in times if max(call.now - time, 0) < window]
    require(len(times) < call.params["request_burst"], "TooManyRequests")
    call.state.put(name, ("RequestTimes", {"times": times + [call.now]}))
    call.seat(idx)
    call.put("Member", call.member("Requested", body["term"], NOWHERE), idx=idx)
    call.put("Meeting", meeting | {"next_idx": idx + 1})


def leave(call):
    idx, meeting = call.body["idx"], call.open()
    member = call.record("Member", idx=idx)
    require(member is not None, "UnknownMember")
    require(member["dev"] == call.signer, "NotThatMember")
    require(call.status(member) in ("Requested", "Admitted"), "NotThatMember")
    if idx in call.record("Roster")["roster"]:
        due = meeting["rekey_due"]
        meeting |= {"rekey_due": call.now if due is None else due, "last_activity": call.now}
    if idx == meeting["leader"]:
        meeting["gone_at"] = call.now
    call.put("Member", member | {"status": ("Left", {})}, idx=idx)
    call.put("Meeting", meeting)


def heartbeat(call):
    meeting = call.open()
    call.leads(meeting)
    require(call.body["epoch"] == meeting["epoch"], "StaleEpoch")
    meeting["lease_end"] = call.now + call.params["lease"]
    require(call.led(meeting), "RekeyOverdue")
    call.put("Meeting", meeting | {"last_activity": call.now})


def dismiss(call):
    meeting = call.open()
    call.leads(meeting)
    require(call.body["epoch"] == meeting["epoch"], "StaleEpoch")
    require(call.led(meeting), "LeaseOver")
    call.put("Meeting", meeting | {"ended": True, "last_activity": call.now})


def prune(call):
    """Step 25: what a meeting that is long over leaves the state with."""
    found = call.record("Meeting")
    require(found is not None, "UnknownMeeting")
    meeting, last = dict(found), found["last_activity"]
    over = meeting["ended"] or call.now > last + call.params["idle_ttl"]
    require(over and call.now > last + call.params["retention"], "NotYet")
    require(call.body["next"] == meeting["next_idx"], "StaleSeq")
    if meeting["next_idx"] > 0:
        left = max(meeting["next_idx"] - PRUNED_AT_ONCE, 0)
        for idx in range(left, meeting["next_idx"]):
            member = call.record("Member", idx=idx)
            require(member is not None, "UnknownMember")
            call.state.remove(("Member", {"mid": call.mid, "idx": idx}))
            for kind in ("Ban", "RequestTimes", "Vote"):
                call.state.remove((kind, {"mid": call.mid, "user": member["user"]}))
        call.put("Meeting", meeting | {"next_idx": left})
        return
    require(call.record("Roster") is not None, "NothingToPrune")
    call.state.remove(("Roster", {"mid": call.mid}))
    for part in range(meeting["info_chunks"]):
        call.state.remove(("MeetingInfo", {"mid": call.mid, "part": part}))
    call.put("Meeting", meeting | {"info_chunks": 0})


def advance(call):
    body, meeting = call.body, call.open()
    call.leads(meeting)
    require(call.led(meeting) or meeting["rekey_due"] is not None, "LeaseOver")
    require(body["epoch"] == meeting["epoch"] + 1, "StaleEpoch")
    require(body["prev"] == meeting["last_rec"], "StalePrev")
    fresh = meeting["last_rec_height"] != call.at["height"] or meeting["epoch"] == 0
    require(fresh, "OneEpochPerBlock")
    require(body["mk_commit"] != meeting["mk_commit"], "CommitmentReused")
    old = call.record("Roster")["roster"]
    is_step(call, meeting, old)
    named = sorted(body["roster"] | {removal["idx"] for removal in body["removed"]})
    members = {idx: call.record("Member", idx=idx) for idx in named}
    require(None not in members.values(), "UnknownMember")
    for user in body["unbanned"]:
        require(call.state.get(call.ban(user)) is not None, "NotBanned")
        call.state.remove(call.ban(user))
    remove(call, old, members)
    admit(call, old, members)
    call.put("Meeting", meeting | {
        "epoch": body["epoch"], "mk_commit": body["mk_commit"],
        "last_rec": sha256(encode("EpochRecord", body)), "last_rec_height": call.at["height"],
        "last_activity": call.now, "lease_end": call.now + call.params["lease"], "rekey_due": None,
    })
    call.put("Roster", {"roster": body["roster"], "hash": body["roster_hash"]})


def is_step(call, meeting, old):
    body = call.body
    require(meeting["leader"] in body["roster"], "LeaderNotInRoster")
    require(len(body["roster"]) <= call.params["max_members"], "RosterTooLarge")
    added, removed = set(body["added"]), [removal["idx"] for removal in body["removed"]]
    new = old - set(removed) | added
    held = new == body["roster"] and max(new, default=0) < INDEXES and not added & old
    held = held and len(set(removed)) == len(removed) and not set(removed) & body["roster"]
    require(held, "RosterMismatch")


def remove(call, old, members):
    for removal in call.body["removed"]:
        idx, reason = removal["idx"], removal["reason"][0]
        member = members[idx]
        denied = call.status(member) == "Requested" and reason in ("Kicked", "Banned")
        require(idx in old or denied, "RosterMismatch")
        if reason == "Left":
            require(member["status"][0] == "Left", "ReasonDoesNotHold")
            continue
        if reason == "Revoked":
            require(not call.is_active(member), "ReasonDoesNotHold")
        if reason == "Banned":
            call.state.put(call.ban(member["user"]), ("Ban", {"since": call.at["height"]}))
        status = ("Removed", {"reason": removal["reason"]})
        call.put("Member", member | {"status": status}, idx=idx)


def admit(call, old, members):
    body = call.body
    banned = {
        members[removal["idx"]]["user"]
        for removal in body["removed"]
        if removal["reason"][0] == "Banned"
    }
    for idx in sorted(body["roster"]):
        member = members[idx]
        stands = call.status(member) == ("Admitted" if idx in old else "Requested")
        stands = stands and member["user"] not in banned and call.is_active(member)
        require(stands, "RosterHoldsIneligible")
    listed = [(idx, members[idx]) for idx in body["roster"]]
    require(roster_hash(listed) == body["roster_hash"], "RosterHashMismatch")
    for idx in body["added"]:
        member = members[idx]
        require(call.state.get(call.ban(member["user"])) is None, "Banned")
        admitted = {"status": ("Admitted", {}), "admitted": call.at}
        call.put("Member", member | admitted, idx=idx)


STEPS = {
    "EpochRecord": advance,
    "Heartbeat": heartbeat,
    "LeaderReassign": succession.reassign,
    "MeetingDismiss": dismiss,
    "MeetingLeave": leave,
    "MeetingPolicy": succession.policy,
    "MeetingRequest": request,
    "PruneMeeting": prune,
    "PublishMeeting": publish,
    "RefreshKeys": succession.refresh,
    "VoteLeader": succession.vote,
}

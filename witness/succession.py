"""How the chair changes hands: steps 11 to 14 of section 20."""

from .refusal import require, sound
from .signature import check_x25519

ABSENCE_TTL = 10
RULES = {"Time": 1, "Appoint": 2, "Vote": 4}


def vote(call):
    body, meeting = call.body, call.open()
    require(body["term"] == meeting["term"], "StaleTerm")
    require(meeting["policy"]["rules"] & RULES["Vote"], "RuleNotAllowed")
    roster = call.record("Roster")["roster"]
    voter = seated(call, roster)
    candidate = call.record("Member", idx=body["candidate"])
    require(candidate is not None, "UnknownMember")
    eligible(call, meeting, roster, body["candidate"], candidate)
    name = ("Vote", {"mid": call.mid, "user": voter["user"]})
    require(not counts(call, meeting, call.state.get(name)), "VotedAlready")
    cast = {
        "term": meeting["term"], "epoch": meeting["epoch"], "candidate": body["candidate"],
        "at": call.now,
    }
    call.state.put(name, ("Vote", {"vote": cast}))


def reassign(call):
    body, meeting = call.body, call.open()
    require(body["term"] == meeting["term"], "StaleTerm")
    roster = call.record("Roster")["roster"]
    successor = seated(call, roster)
    eligible(call, meeting, roster, body["idx"], successor)
    leader = call.record("Member", idx=meeting["leader"])
    require(leader is not None, "UnknownMember")
    require(body["prev_ivk"] == leader["ivk"], "NotTheLeader")
    require(body["ivk"] == call.device["ivk"], "NotTheSigner")
    sound(check_x25519(body["epk"]))
    members = {idx: call.record("Member", idx=idx) for idx in sorted(roster)}
    require(None not in members.values(), "UnknownMember")
    rule = body["rule"][0]
    require(meeting["policy"]["rules"] & RULES[rule], "RuleNotAllowed")
    led = call.led(meeting) and call.is_active(leader)
    require(rule != "Appoint" or led, "LeaseOver")
    require(rule == "Time" or not body["absent"], "AbsenceDoesNotHold")
    if rule == "Time":
        turn(call, meeting, members)
    if rule == "Vote":
        elected(call, meeting, members)
    call.put("Member", successor | {"epk": body["epk"]}, idx=body["idx"])
    call.put("Meeting", meeting | {
        "term": meeting["term"] + 1, "leader": body["idx"], "gone_at": None,
        "lease_end": call.now + call.params["lease"], "rekey_due": call.now,
        "last_activity": call.now,
    })


def refresh(call):
    body = call.body
    call.open()
    member = call.record("Member", idx=body["idx"])
    require(member is not None, "UnknownMember")
    require(member["dev"] == call.signer, "NotThatMember")
    require(call.status(member) in ("Requested", "Admitted"), "NotThatMember")
    sound(check_x25519(body["epk"]))
    new = {"epk": body["epk"], "ek_hash": body["ek_hash"]}
    call.put("Member", member | new, idx=body["idx"])


def policy(call):
    meeting = call.open()
    call.leads(meeting)
    require(call.led(meeting), "LeaseOver")
    door = {name: call.body[name] for name in ("auto_admit", "locked")}
    call.put("Meeting", meeting | {"policy": meeting["policy"] | door})


def turn(call, meeting, members):
    """The rank of the signer in the line, and the time that line counts from."""
    line = sorted(
        (tuple(member["admitted"][part] for part in ("height", "index", "time")), idx)
        for idx, member in members.items()
        if idx != meeting["leader"] and member["status"][0] == "Admitted"
        and call.is_active(member)
    )
    ranks = [idx for _, idx in line]
    require(call.body["idx"] in ranks, "NotEligible")
    since = witnessed(call, members) if call.body["absent"] else lapsed(call, meeting)
    wait = ranks.index(call.body["idx"]) * call.params["stagger"]
    require(call.now >= since + wait, "NotYourTurn")


def lapsed(call, meeting):
    return call.lease_end(meeting) + 1 if meeting["gone_at"] is None else meeting["gone_at"]


def witnessed(call, members):
    voices, users = electorate(members), set()
    for absence in call.body["absent"]:
        member = members.get(absence["idx"])
        require(member is not None, "UnknownMember")
        fresh = 0 <= call.now - absence["at"] <= ABSENCE_TTL
        require(fresh and member["status"][0] == "Admitted", "AbsenceDoesNotHold")
        users.add(member["user"])
    require(2 * len(users) > len(voices), "AbsenceDoesNotHold")
    return min(absence["at"] for absence in call.body["absent"])


def elected(call, meeting, members):
    voices, votes = electorate(members), 0
    for user in voices:
        found = call.state.get(("Vote", {"mid": call.mid, "user": user}))
        if counts(call, meeting, found) and found["vote"]["candidate"] == call.body["idx"]:
            votes += 1
    require(2 * votes > len(voices), "NotElected")


def electorate(members):
    return {member["user"] for member in members.values() if member["status"][0] == "Admitted"}


def counts(call, meeting, found):
    if found is None:
        return False
    cast = found["vote"]
    same = (cast["term"], cast["epoch"]) == (meeting["term"], meeting["epoch"])
    return same and call.now <= cast["at"] + call.params["vote_window"]


def seated(call, roster):
    member = call.record("Member", idx=call.body["idx"])
    require(member is not None, "UnknownMember")
    require(member["dev"] == call.signer, "NotThatMember")
    here = call.body["idx"] in roster and member["status"][0] == "Admitted"
    require(here, "NotThatMember")
    return member


def eligible(call, meeting, roster, idx, member):
    sound_one = idx != meeting["leader"] and idx in roster
    sound_one = sound_one and member["status"][0] == "Admitted" and call.is_active(member)
    require(sound_one, "NotEligible")

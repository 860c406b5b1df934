"""The signatures a claim of the chair carries beside the signer's own: step 0 of section 20."""

from .algorithms import tagged
from .codec import encode
from .refusal import require
from .signature import message


def roles(rules, state, tx, sigs):
    """The words a claim of the chair carries beside the signer's: (role, key, bytes)."""
    body, mid = tx["body"], tx["body"]["mid"]
    needed = []
    if body["rule"][0] == "Appoint":
        require("Handover" in sigs, "MissingSignature(Handover)")
        leader = found(state, "Member", mid=mid, idx=found_meeting(state, mid)["leader"])
        device = state.get(("Device", {"dev": leader["dev"]}))
        require(device is not None, "UnknownDevice")
        word = b"".join([
            mid, encode("Term", body["term"]), encode("Ivk", body["prev_ivk"]),
            encode("MemberIdx", body["idx"]), encode("Ivk", body["ivk"]), body["epk"],
        ])
        key = device["record"]["ivk"]
        needed.append(("Handover", key, message("handover", rules.chain_id, word)))
    return needed


def absences(rules, state, tx):
    """Key, bytes and signature of each word of absence."""
    body, mid = tx["body"], tx["body"]["mid"]
    meeting, words = found_meeting(state, mid), []
    for absence in body["absent"]:
        member = found(state, "Member", mid=mid, idx=absence["idx"])
        word = b"".join([
            mid, encode("Term", meeting["term"]), encode("Epoch", meeting["epoch"]),
            encode("Seconds", meeting["lease_end"]), encode("MemberIdx", absence["idx"]),
            encode("Seconds", absence["at"]),
        ])
        words.append((tagged(member["npk"]), message("absent", rules.chain_id, word), absence["sig"]))
    return words


def found_meeting(state, mid):
    fields = state.get(("Meeting", {"mid": mid}))
    require(fields is not None, "UnknownMeeting")
    return fields["record"]


def found(state, kind, **name):
    fields = state.get((kind, name))
    require(fields is not None, "UnknownMember")
    return fields["record"]


def recovery_key(state, body):
    """The key that signs a Recover: that which began it, or the user's."""
    user = state.get(("User", {"user": body["user"]}))
    require(user is not None, "UnknownUser")
    begun = begun_recovery(state, body)
    key = user["record"]["recovery_ivk"] if begun is None else begun[0]["by"]
    require(key is not None, "NoRecoveryKey")
    return key


def begun_recovery(state, body):
    pending = state.get(("Pending", {"dev": body["dev"]}))
    if pending is None or pending["record"]["wish"][0] != "Recovery":
        return None
    return pending["record"]["wish"][1]["recovery"], pending["record"]["due"]

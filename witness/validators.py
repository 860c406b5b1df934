"""Validators on the identity ledger: epochs, the set in force, steps 23 and 24 of section 20."""

from .codec import encode
from .ids import sha256
from .refusal import require, sound
from .signature import check_edwards
from .transactions import tokens_at

KEYS_PART = 7
MAX_VALIDATORS = 128


def epoch_of(params, height):
    return height // max(params["epoch_blocks"], 1)


def last_height_of(params, epoch):
    return (epoch + 1) * max(params["epoch_blocks"], 1) - 1


def in_force(rules, state, epoch):
    """The set of that epoch: all agreed changes but those that were not agreed before it."""
    found = state.get(("ValidatorSet", {}))
    if found is None:
        return list(rules.validators)
    keys = []
    for part in range(parts(found["record"]["members"])):
        keys += state.get(("ValidatorKeys", {"part": part}))["keys"]
    for number in reversed(range(found["record"]["changes"])):
        agreed = state.get(("ValidatorChange", {"number": number}))["record"]
        if epoch_of(rules.params, agreed["agreed"]["height"]) < epoch:
            break
        out, into = outgoing(agreed["change"]), incoming(agreed["change"])
        keys = changed(keys, into, out)
    return keys


def validators_at(rules, state, at):
    return in_force(rules, state, epoch_of(rules.params, at["height"]))


def changed(keys, out, into):
    return sorted([key for key in keys if key != out] + ([] if into is None else [into]))


def parts(members):
    return -(-members // KEYS_PART)


def incoming(change):
    return None if change[0] == "Remove" else change[1]["key"]


def outgoing(change):
    return {"Add": None, "Remove": change[1]["key"], "Replace": change[1].get("old")}[change[0]]


def digest(change):
    return sha256(b"CONCLAVE-V1/validator-change", encode("ValidatorChange", change))


def judge(rules, state, at, tx):
    """In the place of step 3: nonce and token are the validator's own."""
    members = validators_at(rules, state, at)
    require(tx["signer"] in members, "NotAValidator")
    record = spend(rules, state, at, tx)
    KINDS[tx["kind"][0]](rules, state, at, tx, members, record)


def spend(rules, state, at, tx):
    found = state.get(("Validator", {"key": tx["signer"]}))
    record = dict(found["record"]) if found else new(rules, at)
    require(tx["nonce"] == record["next_nonce"], "WrongNonce")
    tokens, refilled = tokens_at(rules.params, record, at["time"])
    require(tokens > 0, "TooManyTransactions")
    record |= {"next_nonce": tx["nonce"] + 1, "tokens": tokens - 1, "refilled": refilled}
    put(state, "Validator", record, key=tx["signer"])
    return record


def new(rules, at):
    tokens = rules.params["burst"]
    return {"next_nonce": 0, "tokens": tokens, "refilled": at["time"], "vote": None}


def vote(rules, state, at, tx, members, record):
    body = tx["body"]
    found = state.get(("ValidatorSet", {}))
    changes = found["record"]["changes"] if found else 0
    if changes > 0:
        newest = state.get(("ValidatorChange", {"number": changes - 1}))["record"]
        agreed = epoch_of(rules.params, newest["agreed"]["height"])
        require(agreed < epoch_of(rules.params, at["height"]), "ChangePending")
    require(body["seq"] == changes, "StaleSeq")
    check(rules, state, members, body["change"])
    cast = {"seq": body["seq"], "change": digest(body["change"])}
    require(record["vote"] != cast, "VotedAlready")
    put(state, "Validator", record | {"vote": cast}, key=tx["signer"])
    records = [state.get(("Validator", {"key": key})) for key in members]
    votes = sum(1 for found in records if found and found["record"]["vote"] == cast)
    if 3 * votes > 2 * len(members):
        agree(rules, state, at, members, body)


def check(rules, state, members, change):
    """Whether the change can be made to the set in force."""
    key, out = incoming(change), outgoing(change)
    if out is not None:
        require(out in members, "UnknownValidator")
    if key is None:
        require(len(members) > 1, "LastValidator")
        return
    sound(check_edwards(key))
    used = key in rules.validators or state.get(("Validator", {"key": key})) is not None
    require(not used, "ValidatorKeyUsed")
    require(out is not None or len(members) < MAX_VALIDATORS, "TooManyValidators")


def agree(rules, state, at, members, body):
    change, number = body["change"], body["seq"]
    keys = changed(members, outgoing(change), incoming(change))
    put(state, "ValidatorSet", {"changes": number + 1, "members": len(keys)})
    for part in range(parts(len(keys))):
        piece = keys[part * KEYS_PART : (part + 1) * KEYS_PART]
        state.put(("ValidatorKeys", {"part": part}), ("ValidatorKeys", {"keys": piece}))
    for part in range(parts(len(keys)), parts(len(members)) if number > 0 else 0):
        state.remove(("ValidatorKeys", {"part": part}))
    put(state, "ValidatorChange", {"change": change, "agreed": at}, number=number)
    if incoming(change) is not None:
        put(state, "Validator", new(rules, at), key=incoming(change))


def anchor(rules, state, at, tx, members, record):
    body = tx["body"]
    require(body["height"] < at["height"], "AnchorAhead")
    found = state.get(("Anchors", {}))
    number, newest = 0, body["height"]
    if found is not None:
        number, newest = found["record"]["count"], max(found["record"]["newest"], newest)
    put(state, "Anchors", {"count": number + 1, "newest": newest})
    entry = {
        "height": body["height"], "header": body["header"], "place": body["anchor"],
        "by": tx["signer"], "at": at,
    }
    state.put(("Anchor", {"number": number}), ("Anchor", {"entry": entry}))


def put(state, kind, record, **name):
    state.put((kind, name), (kind, {"record": record}))


KINDS = {"AnchorRecord": anchor, "ValidatorVote": vote}

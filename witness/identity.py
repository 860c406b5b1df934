"""The rules of the identity ledger: step 2 of section 20."""

from . import ids
from .codec import encode
from .algorithms import check
from .refusal import require, sound
from .transactions import txid
from .validators import validators_at


def register(rules, at, state, tx):
    body = tx["body"]
    keys = [body["ivk"]] + ([body["recovery_ivk"]] if body["recovery_ivk"] else [])
    require(tx["signer"] == body["dev"], "NotTheSigner")
    require(tx["nonce"] == 0, "WrongNonce")
    for ivk in keys:
        sound(check(ivk))
    require(body["user"] == ids.user(rules.chain_id, body["ivk"], body["salt"]), "WrongId")
    require(body["dev"] == ids.device(body["user"], body["ivk"]), "WrongId")
    gate(rules, state, at, body)
    require(state.get(("User", {"user": body["user"]})) is None, "UserTaken")
    require(state.get(("Device", {"dev": body["dev"]})) is None, "DeviceTaken")
    for ivk in keys:
        name = ("IvkIndex", {"ivk": ivk})
        require(state.get(name) is None, "IvkTaken")
        state.put(name, ("DeviceId", {"dev": body["dev"]}))
    pieces = put_info(state, "UserInfo", "user", body["user"], body["info"])
    user = {
        "status": ("Active", {}), "seq": 0, "devices": 1, "info_chunks": pieces, "handle": None,
        "recovery_ivk": body["recovery_ivk"], "last_tx": txid(tx), "registered": at,
        "tokens": max(rules.params["burst"] - 1, 0), "refilled": at["time"],
    }
    device = {
        "user": body["user"], "ivk": body["ivk"], "status": ("Active", {}), "seniority": 0,
        "added": at, "revoked": None, "next_nonce": 1, "recovery": False,
    }
    state.put(("User", {"user": body["user"]}), ("User", {"record": user}))
    first = ("UserDevice", {"user": body["user"], "number": 0})
    state.put(first, ("DeviceId", {"dev": body["dev"]}))
    state.put(("Device", {"dev": body["dev"]}), ("Device", {"record": device}))


def gate(rules, state, at, body):
    kind, fields = body["gate"]
    if kind == "Sponsor":
        require(fields["key"] in validators_at(rules, state, at), "UnknownSponsor")
        return
    require(rules.params["pow_bits"] > 0, "WorkNotTaken")
    digest = ids.sha256(ids.sha256(encode("RegisterUser", body)))
    bits = 256 - int.from_bytes(digest, "big").bit_length()
    require(bits >= rules.params["pow_bits"], "WorkTooWeak")


def put_info(state, kind, owner, name, info):
    """Writes an info in pieces of 240 bytes; how many."""
    data = encode("UserInfo", info)
    pieces = [data[at : at + 240] for at in range(0, len(data), 240)]
    for part, piece in enumerate(pieces):
        state.put((kind, {owner: name, "part": part}), ("Info", {"part": piece}))
    return len(pieces)

"""What waits until others had the time to object, and names: steps 16, 19 to 22 of section 20."""

from . import ids
from .algorithms import check
from .claims import begun_recovery
from .codec import encode
from .refusal import require, sound
from .transactions import tokens_at, txid
from .users import active_devices, bind, following, may_happen, put, put_out, release_handle

MAX_DEVICES_EVER = 32
HANDLE_REST = 365 * 86_400
PLAIN = set(b"abcdefghijklmnopqrstuvwxyz0123456789")


def claim_handle(rules, state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    name = body["name"]
    raw = name.encode()
    plain = all(byte in PLAIN or byte in b"._-" for byte in raw)
    require(len(raw) >= 3 and raw[0] in PLAIN and plain, "BadHandle")
    held = state.get(("Handle", {"name": name}))
    if held is not None:
        held = held["record"]
        since = held["released"]
        rested = since is not None and max(at["time"] - since, 0) > HANDLE_REST
        require(held["user"] == body["user"] or rested, "HandleTaken")
    if user["handle"] != name:
        release_handle(state, at, user)
        user["handle"] = name
        record = {"user": body["user"], "claimed": at, "released": None}
        state.put(("Handle", {"name": name}), ("Handle", {"record": record}))
    put(state, "User", "user", body["user"], user)


def cancel(rules, state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    pending = state.get(("Pending", {"dev": body["dev"]}))
    require(pending is not None, "NothingPending")
    require(pending["record"]["user"] == body["user"], "NotTheSigner")
    if pending["record"]["wish"][0] != "Recovery":
        asked = state.get(("Device", {"dev": body["dev"]}))
        require(asked is not None, "UnknownDevice")
        require(device["seniority"] <= asked["record"]["seniority"], "JuniorDevice")
    state.remove(("Pending", {"dev": body["dev"]}))
    put(state, "User", "user", body["user"], user)


def set_recovery_key(rules, state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    ivk = body["recovery_ivk"]
    if ivk is not None:
        sound(check(ivk))
        require(state.get(("IvkIndex", {"ivk": ivk})) is None, "IvkTaken")
    wish = ("RecoveryKey", {"ivk": ivk})
    if user["recovery_ivk"] is None or may_happen(rules, state, at, tx, device, wish):
        if ivk is not None:
            bind(state, ivk, tx["signer"])
        user["recovery_ivk"] = ivk
    put(state, "User", "user", body["user"], user)


def recover(rules, state, at, tx):
    body = tx["body"]
    require(tx["signer"] == body["dev"], "NotTheSigner")
    require(tx["nonce"] == 0, "WrongNonce")
    user = dict(state.get(("User", {"user": body["user"]}))["record"])
    require(user["status"][0] == "Active", "UserInactive")
    tokens, refilled = tokens_at(rules.params, user, at["time"])
    require(tokens > 0, "TooManyTransactions")
    require(body["seq"] == user["seq"] + 1, "StaleSeq")
    require(body["prev"] == user["last_tx"], "StaleChange")
    user |= {"tokens": tokens - 1, "refilled": refilled, "seq": body["seq"], "last_tx": txid(tx)}
    require(user["devices"] < MAX_DEVICES_EVER, "TooManyDevices")
    begun, key = begun_recovery(state, body), user["recovery_ivk"]
    kept = [key] + ([begun[0]["by"]] if begun else [])
    fresh = None if body["recovery_ivk"] in kept else body["recovery_ivk"]
    check_keys(state, body, fresh)
    others = active_devices(state, body["user"], user["devices"])
    asked = ("ivk", "recovery_ivk")
    same = begun is not None and all(begun[0][part] == body[part] for part in asked)
    if not same:
        may = key is not None and (begun is None or begun[0]["by"] == key)
        require(may, "NoRecoveryKey")
    if others and not (same and at["time"] >= begun[1]):
        require(not same, "NotYet")
        wish = ("Recovery", {"recovery": {part: body[part] for part in asked} | {"by": key}})
        record = {
            "user": body["user"], "wish": wish, "due": at["time"] + rules.params["junior_delay"],
        }
        state.put(("Pending", {"dev": body["dev"]}), ("Pending", {"record": record}))
        put(state, "User", "user", body["user"], user)
        return
    if begun is not None:
        state.remove(("Pending", {"dev": body["dev"]}))
    bind(state, body["ivk"], body["dev"])
    if fresh is not None:
        bind(state, fresh, body["dev"])
    for dev, other in others:
        put_out(state, at, dev, other)
    new = {
        "user": body["user"], "ivk": body["ivk"], "status": ("Active", {}), "seniority": 0,
        "added": at, "revoked": None, "next_nonce": 1, "recovery": True,
    }
    place = ("UserDevice", {"user": body["user"], "number": user["devices"]})
    state.put(place, ("DeviceId", {"dev": body["dev"]}))
    put(state, "Device", "dev", body["dev"], new)
    user |= {"devices": user["devices"] + 1, "recovery_ivk": body["recovery_ivk"]}
    put(state, "User", "user", body["user"], user)


def check_keys(state, body, fresh):
    require(body["dev"] == ids.device(body["user"], body["ivk"]), "WrongId")
    sound(check(body["ivk"]))
    require(state.get(("Device", {"dev": body["dev"]})) is None, "DeviceTaken")
    require(state.get(("IvkIndex", {"ivk": body["ivk"]})) is None, "IvkTaken")
    if fresh is not None:
        sound(check(fresh))
        require(encode("Ivk", fresh) != encode("Ivk", body["ivk"]), "IvkTaken")
        require(state.get(("IvkIndex", {"ivk": fresh})) is None, "IvkTaken")


KINDS = {"Cancel": cancel, "ClaimHandle": claim_handle, "SetRecoveryKey": set_recovery_key}

"""How a user changes: steps 15 to 18 of section 20."""

from . import ids
from .codec import encode
from .identity import put_info, sound
from .refusal import require
from .algorithms import check
from .transactions import txid

MAX_DEVICES = 16


def add(state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    require(user["devices"] < MAX_DEVICES, "TooManyDevices")
    require(body["dev"] == ids.device(body["user"], body["ivk"]), "WrongId")
    sound(check(body["ivk"]))
    require(state.get(("Device", {"dev": body["dev"]})) is None, "DeviceTaken")
    bind(state, body)
    new = {
        "user": body["user"], "ivk": body["ivk"], "status": ("Active", {}),
        "seniority": user["devices"], "added": at, "revoked": None, "next_nonce": 1,
        "recovery": False,
    }
    place = ("UserDevice", {"user": body["user"], "number": user["devices"]})
    state.put(place, ("DeviceId", {"dev": body["dev"]}))
    put(state, "Device", "dev", body["dev"], new)
    put(state, "User", "user", body["user"], user | {"devices": user["devices"] + 1})


def revoke(state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    found = state.get(("Device", {"dev": body["dev"]}))
    require(found is not None, "UnknownDevice")
    lost = found["record"]
    require(lost["user"] == body["user"], "NotTheSigner")
    require(lost["status"][0] == "Active", "DeviceInactive")
    require(device["seniority"] <= lost["seniority"], "JuniorDevice")
    revoked = {"status": ("Revoked", {}), "revoked": at["height"]}
    put(state, "Device", "dev", body["dev"], lost | revoked)
    if is_last(state, tx, user) and user["recovery_ivk"] is None:
        user["status"] = ("Retired", {})
    put(state, "User", "user", body["user"], user)


def is_last(state, tx, user):
    body = tx["body"]
    if tx["signer"] != body["dev"]:
        return False
    for number in range(user["devices"]):
        other = state.get(("UserDevice", {"user": body["user"], "number": number}))["dev"]
        record = state.get(("Device", {"dev": other}))["record"]
        if record["status"][0] == "Active":
            return False
    return True


def rotate(state, at, tx, device):
    body = tx["body"]
    require(body["dev"] == tx["signer"], "NotTheSigner")
    user = following(state, tx, device, device["user"])
    sound(check(body["ivk"]))
    bind(state, body)
    put(state, "Device", "dev", body["dev"], device | {"ivk": body["ivk"]})
    put(state, "User", "user", device["user"], user)


def update(state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    before = user["info_chunks"]
    user["info_chunks"] = put_info(state, "UserInfo", "user", body["user"], body["info"])
    for part in range(user["info_chunks"], before):
        state.remove(("UserInfo", {"user": body["user"], "part": part}))
    put(state, "User", "user", body["user"], user)


def following(state, tx, device, name):
    """The user with this transaction as the newest change."""
    require(name == device["user"], "NotTheSigner")
    user = dict(state.get(("User", {"user": name}))["record"])
    require(tx["body"]["seq"] == user["seq"] + 1, "StaleSeq")
    require(tx["body"]["prev"] == user["last_tx"], "StaleChange")
    return user | {"seq": tx["body"]["seq"], "last_tx": txid(tx)}


def bind(state, body):
    name = ("IvkIndex", {"ivk": body["ivk"]})
    require(state.get(name) is None, "IvkTaken")
    state.put(name, ("DeviceId", {"dev": body["dev"]}))


def put(state, kind, what, name, record):
    state.put((kind, {what: name}), (kind, {"record": record}))


KINDS = {"AddDevice": add, "RevokeDevice": revoke, "RotateKey": rotate, "UpdateInfo": update}

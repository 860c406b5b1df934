"""How a user changes: steps 15 to 18 of section 20."""

from . import ids
from .algorithms import check
from .identity import put_info
from .refusal import require, sound
from .users import active_devices, bind, following, may_happen, put, put_out, release_handle

MAX_DEVICES = 16


def add(rules, state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    require(user["devices"] < MAX_DEVICES, "TooManyDevices")
    require(body["dev"] == ids.device(body["user"], body["ivk"]), "WrongId")
    sound(check(body["ivk"]))
    require(state.get(("Device", {"dev": body["dev"]})) is None, "DeviceTaken")
    bind(state, body["ivk"], body["dev"])
    new = {
        "user": body["user"], "ivk": body["ivk"], "status": ("Active", {}),
        "seniority": user["devices"], "added": at, "revoked": None, "next_nonce": 1,
        "recovery": False,
    }
    place = ("UserDevice", {"user": body["user"], "number": user["devices"]})
    state.put(place, ("DeviceId", {"dev": body["dev"]}))
    put(state, "Device", "dev", body["dev"], new)
    put(state, "User", "user", body["user"], user | {"devices": user["devices"] + 1})


def revoke(rules, state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    found = state.get(("Device", {"dev": body["dev"]}))
    require(found is not None, "UnknownDevice")
    lost = found["record"]
    require(lost["user"] == body["user"], "NotTheSigner")
    require(lost["status"][0] == "Active", "DeviceInactive")
    wish = ("Revocation", {"dev": body["dev"]})
    senior = device["seniority"] <= lost["seniority"]
    if not senior and not may_happen(rules, state, at, tx, device, wish):
        put(state, "User", "user", body["user"], user)
        return
    put_out(state, at, body["dev"], lost)
    left = active_devices(state, body["user"], user["devices"])
    last = tx["signer"] == body["dev"] and not left
    if last and user["recovery_ivk"] is None:
        release_handle(state, at, user)
        user["status"] = ("Retired", {})
    put(state, "User", "user", body["user"], user)


def rotate(rules, state, at, tx, device):
    body = tx["body"]
    require(body["dev"] == tx["signer"], "NotTheSigner")
    user = following(state, tx, device, device["user"])
    sound(check(body["ivk"]))
    bind(state, body["ivk"], body["dev"])
    put(state, "Device", "dev", body["dev"], device | {"ivk": body["ivk"]})
    put(state, "User", "user", device["user"], user)


def update(rules, state, at, tx, device):
    body, user = tx["body"], following(state, tx, device, tx["body"]["user"])
    before = user["info_chunks"]
    user["info_chunks"] = put_info(state, "UserInfo", "user", body["user"], body["info"])
    for part in range(user["info_chunks"], before):
        state.remove(("UserInfo", {"user": body["user"], "part": part}))
    put(state, "User", "user", body["user"], user)


KINDS = {"AddDevice": add, "RevokeDevice": revoke, "RotateKey": rotate, "UpdateInfo": update}

"""What the changes of a user share."""

from .refusal import require
from .transactions import txid


def following(state, tx, device, name):
    """The user with this transaction as the newest change."""
    require(name == device["user"], "NotTheSigner")
    user = dict(state.get(("User", {"user": name}))["record"])
    require(tx["body"]["seq"] == user["seq"] + 1, "StaleSeq")
    require(tx["body"]["prev"] == user["last_tx"], "StaleChange")
    return user | {"seq": tx["body"]["seq"], "last_tx": txid(tx)}


def bind(state, ivk, dev):
    name = ("IvkIndex", {"ivk": ivk})
    require(state.get(name) is None, "IvkTaken")
    state.put(name, ("DeviceId", {"dev": dev}))


def put_out(state, at, dev, record):
    """The device is out, and what it waits for with it."""
    if state.get(("Pending", {"dev": dev})) is not None:
        state.remove(("Pending", {"dev": dev}))
    revoked = {"status": ("Revoked", {}), "revoked": at["height"]}
    put(state, "Device", "dev", dev, record | revoked)


def put(state, kind, what, name, record):
    state.put((kind, {what: name}), (kind, {"record": record}))


def active_devices(state, user, count):
    """The devices that may act, of the first `count` the user ever had."""
    named = [state.get(("UserDevice", {"user": user, "number": n}))["dev"] for n in range(count)]
    records = [(dev, state.get(("Device", {"dev": dev}))["record"]) for dev in named]
    return [(dev, record) for dev, record in records if record["status"][0] == "Active"]


def may_happen(rules, state, at, tx, device, wish):
    """Whether the signer asked for this long enough ago; if not, it has asked now."""
    name = ("Pending", {"dev": tx["signer"]})
    pending = state.get(name)
    if pending is not None and pending["record"]["wish"] == wish:
        require(at["time"] >= pending["record"]["due"], "NotYet")
        state.remove(name)
        return True
    due = at["time"] + rules.params["junior_delay"]
    record = {"user": device["user"], "wish": wish, "due": due}
    state.put(name, ("Pending", {"record": record}))
    return False


def release_handle(state, at, user):
    name, user["handle"] = user["handle"], None
    held = None if name is None else state.get(("Handle", {"name": name}))
    if held is not None:
        record = held["record"] | {"released": at["time"]}
        state.put(("Handle", {"name": name}), ("Handle", {"record": record}))

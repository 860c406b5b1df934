"""The envelope of a transaction: section 2 and steps 0, 1 and 3 of section 20."""

from . import claims
from .algorithms import holds, tagged
from .codec import TYPES, encode, write
from .ids import sha256
from .refusal import Refusal, require, sound
from .signature import check_edwards, message

BY_VALIDATOR = ("AnchorRecord", "ValidatorVote")
UNSIGNED = ("struct", [field for field in TYPES["Tx"][1] if field[0] != "sigs"])


def unsigned(tx):
    return write(UNSIGNED, tx)


def txid(tx):
    return sha256(encode("Tx", tx))


def signed_bytes(tx, chain):
    return message(f"tx/{tx['kind'][0]}", chain, unsigned(tx))


def check_signatures(rules, state, tx):
    """Step 0: every role that is asked for, none else, and all hold."""
    sigs = {sig["role"][0]: sig["signature"] for sig in tx["sigs"]}
    body = tx["body"]
    if tx["kind"][0] == "RegisterUser":
        ivk = body["ivk"]
    elif tx["kind"][0] == "Recover":
        ivk = claims.recovery_key(state, body)
    elif tx["kind"][0] in BY_VALIDATOR:
        sound(check_edwards(tx["signer"]))
        ivk = tagged(tx["signer"])
    else:
        device = state.get(("Device", {"dev": tx["signer"]}))
        require(device is not None, "UnknownDevice")
        ivk = device["record"]["ivk"]
    needed = [("Signer", ivk, signed_bytes(tx, rules.chain_id))]
    if tx["kind"][0] == "RegisterUser" and body["gate"][0] == "Sponsor":
        word = message("sponsor", rules.chain_id, encode("RegisterUser", body))
        needed.append(("Sponsor", tagged(body["gate"][1]["key"]), word))
    if tx["kind"][0] in ("AddDevice", "RotateKey", "Recover"):
        word = message("device-pop", rules.chain_id, encode(tx["kind"][0], body))
        needed.append(("Possession", body["ivk"], word))
    claim = tx["kind"][0] == "LeaderReassign"
    if claim:
        needed += claims.roles(rules, state, tx, sigs)
    for role, _, _ in needed:
        require(role in sigs, f"MissingSignature({role})")
    require(len(sigs) == len(needed), "ExtraSignature")
    words = claims.absences(rules, state, tx) if claim else []
    for role, key, data in needed:
        require(rules.holds(key, data, sigs[role]), "BadSignature")
    for key, data, sig in words:
        require(rules.holds(key, data, sig), "BadSignature")


def check_envelope(rules, at, tx):
    """Step 1."""
    require(tx["chain_id"] == rules.chain_id, "WrongChain")
    require(tx["expiry"] >= at["time"], "Expired")
    require(tx["expiry"] <= at["time"] + rules.params["expiry_max"], "ExpiryTooFar")
    require(len(encode("Tx", tx)) <= rules.params["max_tx"], "TooLarge")


def spend(rules, at, state, tx):
    """Step 3: a nonce of the device and a token of its user; gives the device's record."""
    found = state.get(("Device", {"dev": tx["signer"]}))
    require(found is not None, "UnknownDevice")
    device = dict(found["record"])
    require(device["status"][0] == "Active", "DeviceInactive")
    require(tx["nonce"] == device["next_nonce"], "WrongNonce")
    found = state.get(("User", {"user": device["user"]}))
    require(found is not None, "UnknownUser")
    user = dict(found["record"])
    require(user["status"][0] == "Active", "UserInactive")
    tokens, refilled = tokens_at(rules.params, user, at["time"])
    require(tokens > 0, "TooManyTransactions")
    user |= {"tokens": tokens - 1, "refilled": refilled}
    device["next_nonce"] += 1
    state.put(("User", {"user": device["user"]}), ("User", {"record": user}))
    state.put(("Device", {"dev": tx["signer"]}), ("Device", {"record": device}))
    return device


def tokens_at(params, user, now):
    """What the bucket of a user or validator holds, and up to when that is counted."""
    step = max(params["refill"], 1)
    earned = max(now - user["refilled"], 0) // step
    if earned >= max(params["burst"] - user["tokens"], 0):
        return max(params["burst"], user["tokens"]), now
    return user["tokens"] + earned, user["refilled"] + earned * step


class Rules:
    """What a genesis fixes, and signatures already checked."""

    def __init__(self, chain_id, genesis, verify=holds):
        self.verify = verify
        self.chain_id = chain_id
        self.params = genesis["params"]
        self.validators = genesis["validators"]
        self.known = {}

    def holds(self, key, data, signature):
        item = (encode("Ivk", key), data, encode("Signature", signature))
        if item not in self.known:
            self.known[item] = self.verify(key, data, signature)
        return self.known[item]

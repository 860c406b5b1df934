"""Ids and hashes: section 19."""

import hashlib
import hmac

from .codec import encode


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def chain_id(genesis):
    return sha256(b"CONCLAVE-V1/genesis", encode("Genesis", genesis))


def user(chain, ivk, salt):
    return sha256(b"CONCLAVE-V1/user", chain, encode("Ivk", ivk), salt)


def device(user_id, ivk):
    return sha256(b"CONCLAVE-V1/device", user_id, encode("Ivk", ivk))


def place(key):
    """Where a record lies in the state."""
    return sha256(b"CONCLAVE-V1/key", encode("Key", key))


def fingerprint(ivk):
    return sha256(b"CONCLAVE-V1/ivk", encode("Ivk", ivk))[:16]


def commitment(r, user_id, seq, text):
    """Equation 4."""
    return mac(r, b"CONCLAVE-V1/userinfo", user_id, seq.to_bytes(4, "big"), text.encode())


def roster_hash(members):
    """Of pairs (idx, MemberRecord)."""
    parts = [b"CONCLAVE-V1/roster"]
    for idx, member in sorted(members, key=lambda pair: pair[0]):
        parts += [idx.to_bytes(2, "big"), member["user"], member["dev"]]
        parts += [encode("Ivk", member["ivk"]), member["epk"], member["ek_hash"], member["npk"]]
    return sha256(*parts)

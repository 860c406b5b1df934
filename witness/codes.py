"""The codes people read to each other: sections 14 and 19."""

import hashlib

from .codec import encode
from .ids import fingerprint


def security(code):
    return digits(8, b"CONCLAVE-V1/code" + encode("SecurityCode", code))


def epoch(roster_hash, mk_commit, key_part):
    return digits(6, b"CONCLAVE-V1/epoch-code" + roster_hash + mk_commit + key_part)


def shown(ivk):
    """A fingerprint as people compare it."""
    text = fingerprint(ivk)[:8].hex()
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


def digits(groups, data):
    digest = hashlib.sha512(data).digest()
    numbers = (int.from_bytes(digest[5 * i : 5 * i + 5], "big") for i in range(groups))
    return " ".join(f"{number % 10**5:05}" for number in numbers)

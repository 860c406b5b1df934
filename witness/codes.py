"""The codes people read to each other: sections 14 and 19."""

import hashlib

from .codec import DOCUMENT, encode
from .ids import fingerprint, sha256

LIST = DOCUMENT.parent.parent / "crates" / "conclave-protocol" / "data" / "emoji.txt"
LIST_HASH = "9962932aaf7ed9dc652282a75c15e8ec1e40992a97907754c767de843828760c"


def security(code):
    return digits(8, b"CONCLAVE-V1/code" + encode("SecurityCode", code))


def epoch(roster_hash, mk_commit, key_part):
    return digits(6, b"CONCLAVE-V1/epoch-code" + roster_hash + mk_commit + key_part)


def place(published):
    """What stands for the block in a security code."""
    return sha256(b"CONCLAVE-V1/place", encode("Position", published))


def list_hash():
    return hashlib.sha256(LIST.read_bytes()).hexdigest()


def nonce_commitment(mid, number, record, idx, nonce):
    """H_i of section 14.1."""
    parts = number.to_bytes(4, "big"), record, idx.to_bytes(2, "big"), nonce
    return sha256(b"CONCLAVE-V1/nonce", mid, *parts)


def short(record, nonces):
    """The names of the four pictures of section 14.1."""
    names = [line.split(" ", 1)[1] for line in LIST.read_text(encoding="ascii").splitlines()]
    parts = [idx.to_bytes(2, "big") + nonces[idx] for idx in sorted(nonces)]
    digest = sha256(b"CONCLAVE-V1/emoji", record, *parts)
    numbers = (int.from_bytes(digest[8 * k : 8 * k + 8], "big") % 333 for k in range(4))
    return [names[number] for number in numbers]


def shown(ivk):
    """A fingerprint as people compare it."""
    text = fingerprint(ivk)[:8].hex()
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


def digits(groups, data):
    digest = hashlib.sha512(data).digest()
    numbers = (int.from_bytes(digest[5 * i : 5 * i + 5], "big") for i in range(groups))
    return " ".join(f"{number % 10**5:05}" for number in numbers)

"""Exported ledgers: section 23."""

from .codec import Refused, decode
from .ids import sha256

MAGIC = b"CONCLAVE-LEDGER\1"
MOST_GENESIS = 16_384
MOST_RECORD = 1_114_112
RECORD, END = 1, 2


class Broken(Exception):
    """A file that is not an exported ledger, or not all of it; the text is the kind."""


class File:
    """Bytes that are read from front to back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        found = self.data[self.at : self.at + size]
        self.at += len(found)
        if len(found) < size:
            raise Broken("CutShort")
        return found

    def check(self, size, *parts):
        if self.take(size) != sha256(*parts)[:size]:
            raise Broken("Damaged")


def read(data):
    """What the file says of itself; its records are for others to judge."""
    if not data or data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise Broken("NotOne")
    file = File(data)
    file.take(len(MAGIC))
    head = file.take(12)
    file.check(4, b"CONCLAVE-V1/export-head", MAGIC, head)
    size = int.from_bytes(head[8:], "big")
    if size > MOST_GENESIS:
        raise Broken("Damaged")
    genesis = file.take(size)
    file.check(8, b"CONCLAVE-V1/export", genesis)
    try:
        decode("Genesis", genesis)
    except Refused as refused:
        raise Broken("Damaged") from refused
    records = []
    while True:
        tag, payload = frame(file)
        if tag == END:
            break
        records.append(payload)
    if file.at < len(data):
        raise Broken("Damaged")
    if len(payload) != 40:
        raise Broken("Damaged")
    last = {"height": int.from_bytes(payload[:8], "big"), "digest": payload[8:].hex()}
    return {"first": int.from_bytes(head[:8], "big"), "records": len(records), "last": last}


def frame(file):
    head = file.take(5)
    file.check(4, b"CONCLAVE-V1/export-head", head)
    size = int.from_bytes(head[1:], "big")
    if size > MOST_RECORD:
        raise Broken("Damaged")
    payload = file.take(size)
    file.check(8, b"CONCLAVE-V1/export", head[:1], payload)
    if head[0] not in (RECORD, END):
        raise Broken("Damaged")
    return head[0], payload


def exports_file(checks, vectors):
    for each in vectors["cases"]:
        verdict, says = judge(bytes.fromhex(each["bytes"]))
        checks.equal(each["what"], verdict, each["verdict"])
        checks.equal(f"{each['what']} says", says, each.get("says"))
    data = bytes.fromhex(vectors["cases"][0]["bytes"])
    for at in range(len(data)):
        verdict, _ = judge(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        checks.true(f"byte {at} changed is refused", verdict != "accepted")


def judge(data):
    try:
        return "accepted", read(data)
    except Broken as broken:
        return str(broken), None

"""Anchors in other ledgers: section 15."""

from .codec import Refused

WORD = b"CNC1"
VERSION = 1
SIZE = 77


def write(chain_id, height, header):
    return WORD + bytes([VERSION]) + chain_id + height.to_bytes(8, "big") + header


def read(data):
    """Network, height and hash of an anchor; refuses what `write` does not write."""
    if data[:4] != WORD:
        raise Refused("NotAnAnchor", "another word")
    if data[4:5] != bytes([VERSION]):
        raise Refused("OtherVersion", "not version 1")
    if len(data) != SIZE:
        raise Refused("c" if len(data) < SIZE else "t", f"{len(data)} bytes")
    return data[5:37], int.from_bytes(data[37:45], "big"), data[45:]


def script(data):
    """The Bitcoin output: OP_RETURN OP_PUSHDATA1 77 and the anchor."""
    return bytes([0x6A, 0x4C, SIZE]) + data


def read_script(data):
    if data[:3] != script(b""):
        raise Refused("NotAnOutput", "another script")
    return read(data[3:])


def due(newest, every):
    """The height that is to be anchored."""
    return newest // every * every or None

"""Invite links and what a guest shows: sections 14 and 19."""

import base64

from .codec import Refused, decode, encode
from .ids import mac, sha256

PREFIX = "conclave:j/1#"
LONGEST = 2048


def link(invite):
    data = b"\1" + encode("Invite", invite)
    data += sha256(data)[:4]
    return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")


def parse(text):
    """The invite of a link; refuses what `link` does not write."""
    if len(text) > LONGEST or not text.startswith(PREFIX):
        raise Refused("i", "not an invite link")
    text = text[len(PREFIX) :]
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Refused("i", "not base64url") from None
    if len(data) < 5 or sha256(data[:-4])[:4] != data[-4:] or data[0] != 1:
        raise Refused("i", "damaged, or of another version")
    invite = decode("Invite", data[1:-4])
    if link(invite) != PREFIX + text:
        raise Refused("i", "not the one form of this link")
    return invite


def tag(secret, mid, dev, epk, npk):
    return mac(secret, b"invite", mid, dev, epk, npk)


def title_key(secret, mid):
    return mac(secret, b"title", mid)

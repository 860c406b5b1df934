"""Links that people hand to each other: sections 14 and 19."""

import base64

from .codec import Refused, decode, encode
from .ids import sha256

PREFIX = {
    "DeviceAnswer": "conclave:a/1#",
    "DeviceOffer": "conclave:d/1#",
    "InfoDisclosure": "conclave:i/1#",
    "Invite": "conclave:j/1#",
}
LONGEST = 2048


def write(kind, value):
    data = b"\1" + encode(kind, value)
    data += sha256(data)[:4]
    return PREFIX[kind] + base64.urlsafe_b64encode(data).decode().rstrip("=")


def read(kind, text):
    """The value of a link of that kind; refuses what `write` does not write."""
    if len(text.encode()) > LONGEST:
        raise Refused("TooLong", "longer than any link")
    text = text.strip()
    if not text.startswith(PREFIX[kind]):
        raise Refused("NotALink", "another prefix")
    data = unbase64(text[len(PREFIX[kind]) :])
    if len(data) < 4 or sha256(data[:-4])[:4] != data[-4:]:
        raise Refused("Damaged", "another checksum")
    if data[:-4][:1] != b"\1":
        raise Refused("OtherVersion", "not version 1")
    return decode(kind, data[1:-4])


def unbase64(text):
    """The bytes of base64url without padding; every other way to write them is refused."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Refused("Damaged", "not base64url") from None
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise Refused("Damaged", "not the one form of these bytes")
    return data

"""Media packets: section 10 and RFC 9605, cipher suite 0x0005; equation 18."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .codec import Refused, encode
from .exchange import expand, extract
from .ids import mac, sha256

SUITE = (5).to_bytes(2, "big")
LABEL = b"CONCLAVE-V1/stream"
TAG = 16
LONGEST = 1400
LONGEST_PAYLOAD = 1300


def stream_key(mk, stream):
    """Equation 18: HMAC-SHA-256(MK, StreamID)."""
    return mac(mk, encode("StreamId", stream))


def kid(idx, stream, epoch):
    return idx << 14 | stream << 8 | epoch % 256


def metadata(mid):
    return sha256(mid)[:16]


def derive(base_key, key_id):
    """sframe_key and sframe_salt, RFC 9605, section 4.4.2."""
    secret = extract(b"", base_key, "sha512")
    suffix = key_id.to_bytes(8, "big") + SUITE
    key = expand(secret, b"SFrame 1.0 Secret key " + suffix, 32, "sha512")
    return key, expand(secret, b"SFrame 1.0 Secret salt " + suffix, 12, "sha512")


def header(key_id, ctr):
    """RFC 9605, section 4.3."""
    config, rest = 0, b""
    for number in (key_id, ctr):
        if number < 8:
            bits = number
        else:
            data = number.to_bytes((number.bit_length() + 7) // 8, "big")
            bits, rest = 8 | len(data) - 1, rest + data
        config = config << 4 | bits
    return bytes([config]) + rest


def read_header(packet):
    """(kid, ctr, length); a number in a longer form than it needs is refused."""
    if not packet:
        raise Refused("c", "packet ends inside its header")
    numbers, at = [], 1
    for bits in (packet[0] >> 4, packet[0] & 15):
        if bits < 8:
            numbers.append(bits)
            continue
        data = packet[at : at + (bits & 7) + 1]
        if len(data) < (bits & 7) + 1:
            raise Refused("c", "packet ends inside its header")
        number = int.from_bytes(data, "big")
        if number < 8 or data[0] == 0:
            raise Refused("i", "number is not in its shortest form")
        numbers.append(number)
        at += len(data)
    return numbers[0], numbers[1], at


def nonce(salt, ctr):
    return (int.from_bytes(salt, "big") ^ ctr).to_bytes(12, "big")


def seal(base_key, key_id, ctr, extra, plain):
    key, salt = derive(base_key, key_id)
    head = header(key_id, ctr)
    return head + AESGCM(key).encrypt(nonce(salt, ctr), plain, head + extra)


def open_packet(base_key, key_id, extra, packet):
    """(ctr, plaintext) of a packet of this stream."""
    if len(packet) > LONGEST:
        raise Refused("l", "packet is too long")
    found, ctr, size = read_header(packet)
    if found != key_id:
        raise Refused("i", "packet names another key")
    key, salt = derive(base_key, key_id)
    try:
        return ctr, AESGCM(key).decrypt(nonce(salt, ctr), packet[size:], packet[:size] + extra)
    except (InvalidTag, ValueError):
        raise Refused("i", "packet is not authentic") from None


def unit(plain):
    """The fields of a media unit (section 10)."""
    if len(plain) < 7:
        raise Refused("c", "unit is cut short")
    flags = plain[6]
    if flags & ~15:
        raise Refused("i", "unknown flag")
    fields = {
        "rtp_ts": int.from_bytes(plain[:4], "big"), "seq": int.from_bytes(plain[4:6], "big"),
        "marker": bool(flags & 1), "level": None, "orientation": None, "captured_ms": None,
    }
    at = 7
    for flag, name, size in ((2, "level", 1), (4, "orientation", 1), (8, "captured_ms", 4)):
        if flags & flag:
            if len(plain) < at + size:
                raise Refused("c", "unit is cut short")
            fields[name] = int.from_bytes(plain[at : at + size], "big")
            at += size
    if (fields["orientation"] or 0) > 3:
        raise Refused("i", "unknown orientation")
    if len(plain) - at > LONGEST_PAYLOAD:
        raise Refused("l", "payload is too long")
    return fields | {"payload": plain[at:]}


def write_unit(fields):
    flags, extra = int(fields["marker"]), b""
    for flag, name, size in ((2, "level", 1), (4, "orientation", 1), (8, "captured_ms", 4)):
        if fields[name] is not None:
            flags |= flag
            extra += fields[name].to_bytes(size, "big")
    head = fields["rtp_ts"].to_bytes(4, "big") + fields["seq"].to_bytes(2, "big")
    return head + bytes([flags]) + extra + fields["payload"]

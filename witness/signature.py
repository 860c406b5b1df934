"""Signatures and keys: sections 1 and 19; Ed25519 under the rules of ZIP-215, in plain integers."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)

LOW_ORDER = {
    bytes(32),
    (1).to_bytes(32, "little"),
    *(n.to_bytes(32, "little") for n in (P - 1, P, P + 1)),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
}


def message(context, chain_id, body):
    """The signed bytes: "CONCLAVE-V1" 00 len(ctx) ctx chain_id body."""
    name = context.encode()
    return b"CONCLAVE-V1\0" + bytes([len(name)]) + name + chain_id + body


def holds(key, data, signature):
    """Whether an Ed25519 signature holds under ZIP-215: 8(SB - R - kA) is neutral, S is reduced."""
    a, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + data).digest(), "little") % L
    left = add(times(s, BASE), times(L - k, a))
    # (L - k)A differs from -kA by LA, a torsion point that the cofactor removes.
    return is_neutral(times(8, add(left, negative(r))))


def quick(key, data, signature):
    """As `holds`. What the library takes under its stricter rule is taken here, too."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return holds(key, data, signature)
    return True


def point(data):
    """The point of an encoding, canonical or not; None if there is none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * ROOT % P
    if v * x * x % P != u:
        return None
    if x % 2 != sign:
        x = -x % P
    return (x, y, 1, x * y % P)


def check_edwards(data):
    """`good`, or why this key may not be registered."""
    a = point(data)
    if a is None:
        return "NotAPoint"
    number = int.from_bytes(data, "little")
    if number & (2**255 - 1) >= P or (a[0] == 0 and number >> 255):
        return "NotCanonical"
    return "SmallOrder" if is_neutral(times(8, a)) else "good"


def check_x25519(data):
    """`good`, or why this exchange key may not be used."""
    return "SmallOrder" if data[:31] + bytes([data[31] & 127]) in LOW_ORDER else "good"


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, p):
    total = NEUTRAL
    while number:
        if number & 1:
            total = add(total, p)
        p = add(p, p)
        number >>= 1
    return total


def negative(p):
    return (-p[0] % P, p[1], p[2], -p[3] % P)


def is_neutral(p):
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

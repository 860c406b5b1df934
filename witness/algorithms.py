"""The algorithms of identity keys behind their tag: sections 1 and 19.

Whether a point is sound is judged in plain integers, Ed25519 signatures too; ECDSA and Ed448
signatures by `cryptography`, after what section 1 asks beyond their standards.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, utils
from cryptography.hazmat.primitives.hashes import SHA256

from . import signature as ed25519

K_P = 2**256 - 2**32 - 977
K_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

G_P = 2**448 - 2**224 - 1
G_D = -39081
G_L = 2**446 - 13818066809895115352007386748515426880336692474882178609894547503885
G_NEUTRAL = (0, 1, 1)


def tagged(key):
    """A transport or validator key as an identity key is written."""
    return ("Ed25519", {"key": key})


def quick(key, data, sig):
    """As `holds`, Ed25519 by the library where it agrees."""
    return holds(key, data, sig, ed25519.quick)


def holds(key, data, sig, edwards=ed25519.holds):
    """Whether a signature holds under a key of the same algorithm."""
    if key[0] != sig[0]:
        return False
    judge = {"Ed25519": edwards, "Secp256k1": secp256k1_holds, "Ed448": ed448_holds}
    return judge[key[0]](key[1]["key"], data, sig[1]["bytes"])


def check(ivk):
    """`good`, or why this identity key may not be registered."""
    judge = {
        "Ed25519": ed25519.check_edwards,
        "Secp256k1": check_secp256k1,
        "Ed448": check_ed448,
    }
    return judge[ivk[0]](ivk[1]["key"])


def secp256k1_holds(key, data, sig):
    r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
    if not 0 < r < K_N or not 0 < s <= K_N // 2 or check_secp256k1(key) != "good":
        return False
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), key)
    try:
        public.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def check_secp256k1(data):
    x = int.from_bytes(data[1:], "big")
    if data[0] not in (2, 3):
        return "NotCanonical"
    square = (x**3 + 7) % K_P
    root = pow(square, (K_P + 1) // 4, K_P)
    return "good" if x < K_P and root * root % K_P == square else "NotAPoint"


def ed448_holds(key, data, sig):
    s = int.from_bytes(sig[57:], "little")
    if check_ed448(sig[:57]) != "good" or check_ed448(key) != "good" or not 0 < s < G_L:
        return False
    try:
        ed448.Ed448PublicKey.from_public_bytes(key).verify(sig, data)
    except InvalidSignature:
        return False
    return True


def check_ed448(data):
    number = int.from_bytes(data[:56], "little")
    y = number % G_P
    u, v = (1 - y * y) % G_P, (1 - G_D * y * y) % G_P
    x = pow(u, 3, G_P) * v * pow(pow(u, 5, G_P) * pow(v, 3, G_P), (G_P - 3) // 4, G_P) % G_P
    if v * x * x % G_P != u:
        return "NotAPoint"
    if number >= G_P or data[56] & 127 or (x == 0 and data[56]):
        return "NotCanonical"
    point = (x, y, 1)
    if neutral(times(4, point)):
        return "SmallOrder"
    return "good" if neutral(times(G_L, point)) else "MixedOrder"


def times(number, point):
    total = G_NEUTRAL
    for bit in bin(number)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def add(p, q):
    """RFC 8032, section 5.2.4."""
    a, c, d = p[2] * q[2], p[0] * q[0], p[1] * q[1]
    b, e = a * a, G_D * c * d
    f, g = b - e, b + e
    h = (p[0] + p[1]) * (q[0] + q[1])
    return (a * f * (h - c - d) % G_P, a * g * (d - c) % G_P, f * g % G_P)


def neutral(point):
    return point[0] % G_P == 0 and (point[1] - point[2]) % G_P == 0

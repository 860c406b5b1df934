"""The key exchange between leader and member: section 8, equations 14 to 17."""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .codec import Refused, encode
from .ids import mac, sha256


def expand(prk, info, size, hash_name="sha256"):
    """HKDF-Expand, RFC 5869, section 2.3."""
    out, block, count = b"", b"", 1
    while len(out) < size:
        block = hmac.new(prk, block + info + bytes([count]), hash_name).digest()
        out, count = out + block, count + 1
    return out[:size]


def extract(salt, ikm, hash_name="sha256"):
    """HKDF-Extract, RFC 5869, section 2.2."""
    return hmac.new(salt, ikm, hash_name).digest()


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def agree(secret, peer):
    """Equations 14 and 15; the library refuses the all-zero value."""
    key = X25519PrivateKey.from_private_bytes(secret)
    return key.exchange(X25519PublicKey.from_public_bytes(peer))


def decapsulate(seed, kem_ct):
    """The ML-KEM-768 secret, or None where the library has no ML-KEM."""
    try:
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

        key = MLKEM768PrivateKey.from_seed_bytes(seed)
    except Exception:  # an older library, or one built without it
        return None
    return key.public_key().public_bytes_raw(), key.decapsulate(kem_ct)


class Chain:
    """The key leader and member share, and the context it belongs to."""

    def __init__(self, base, dh, ss):
        self.base = base
        prk = extract(b"CONCLAVE-V1/wrap", dh + ss)
        self.key = expand(prk, b"chain" + base, 32)

    def context(self, epoch, record):
        return sha256(self.base, epoch.to_bytes(4, "big"), record)

    def keys(self, ctx):
        return expand(self.key, b"key" + ctx, 32), expand(self.key, b"nonce" + ctx, 12)

    def wrap(self, epoch, record, mk):
        """Equation 16."""
        ctx = self.context(epoch, record)
        key, nonce = self.keys(ctx)
        return AESGCM(key).encrypt(nonce, mk, ctx)

    def unwrap(self, epoch, record, enc_mk):
        """Equation 17."""
        ctx = self.context(epoch, record)
        key, nonce = self.keys(ctx)
        try:
            return AESGCM(key).decrypt(nonce, enc_mk, ctx)
        except InvalidTag:
            raise Refused("i", "wrap is not authentic") from None

    def step(self, epoch, record):
        self.key = expand(self.key, b"next" + self.context(epoch, record), 32)


def base(fields):
    return sha256(encode("Base", fields))


def mk_commit(mk, place):
    return mac(expand(mk, b"commit", 32), encode("Commitment", place))


def code_part(mk):
    return expand(mk, b"code", 32)


def ek_hash(ek):
    return hashlib.sha256(ek).digest()

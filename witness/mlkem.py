"""ML-KEM-768 with the decapsulation key in full (FIPS 203), which the library does not take.

Plain integers, one polynomial product by the definition of the ring: slow, and short enough to be
compared with the standard line by line. Not for secrets that matter: it takes different times.
"""

import hashlib

Q, N, K = 3329, 256, 3
DU, DV, ETA = 10, 4, 2
DK, EK, CT = 2400, 1184, 1088
ZETAS = [pow(17, int(f"{i:07b}"[::-1], 2), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * int(f"{i:07b}"[::-1], 2) + 1, Q) for i in range(128)]


def decapsulate(dk, ct):
    """Algorithm 21: the shared secret; of a false ciphertext, the secret of implicit rejection."""
    if len(dk) != DK or len(ct) != CT:
        raise ValueError("a key or ciphertext of another length")
    pke, ek, digest, z = dk[:1152], dk[1152:2336], dk[2336:2368], dk[2368:]
    if hashlib.sha3_256(ek).digest() != digest:
        raise ValueError("the key does not hold its own hash")
    message = decrypt(pke, ct)
    both = hashlib.sha3_512(message + digest).digest()
    if encrypt(ek, message, both[32:]) == ct:
        return both[:32]
    return hashlib.shake_256(z + ct).digest(32)


def public(dk):
    """The encapsulation key that a decapsulation key holds."""
    return dk[1152:2336]


def key_pair(d, z):
    """Algorithm 16: decapsulation key of two seeds; for tests."""
    both = hashlib.sha3_512(d + bytes([K])).digest()
    rho, sigma = both[:32], both[32:]
    s = [ntt(noise(sigma, i)) for i in range(K)]
    e = [ntt(noise(sigma, K + i)) for i in range(K)]
    a = matrix(rho)
    t = [add(dot(a[i], s), e[i]) for i in range(K)]
    ek = b"".join(pack(12, f) for f in t) + rho
    return b"".join(pack(12, f) for f in s) + ek + hashlib.sha3_256(ek).digest() + z


def encrypt(ek, message, coins):
    """Algorithm 14."""
    t = [unpack(12, ek[384 * i : 384 * (i + 1)]) for i in range(K)]
    a = matrix(ek[1152:])
    y = [ntt(noise(coins, i)) for i in range(K)]
    columns = [[a[row][column] for row in range(K)] for column in range(K)]
    u = [add(inverse(dot(columns[i], y)), noise(coins, K + i)) for i in range(K)]
    word = [expand(bit, 1) for bit in unpack(1, message)]
    v = add(add(inverse(dot(t, y)), noise(coins, 2 * K)), word)
    parts = [pack(DU, [squeeze(x, DU) for x in f]) for f in u]
    return b"".join(parts) + pack(DV, [squeeze(x, DV) for x in v])


def decrypt(dk, ct):
    """Algorithm 15."""
    size = 32 * DU
    u = [[expand(x, DU) for x in unpack(DU, ct[size * i : size * (i + 1)])] for i in range(K)]
    v = [expand(x, DV) for x in unpack(DV, ct[size * K :])]
    s = [unpack(12, dk[384 * i : 384 * (i + 1)]) for i in range(K)]
    w = inverse(dot(s, [ntt(f) for f in u]))
    return pack(1, [squeeze((a - b) % Q, 1) for a, b in zip(v, w)])


def matrix(rho):
    return [[uniform(rho + bytes([column, row])) for column in range(K)] for row in range(K)]


def uniform(seed):
    """Algorithm 7."""
    size = 1024
    while True:
        stream = hashlib.shake_128(seed).digest(size)
        found = []
        for at in range(0, size - 2, 3):
            a, b, c = stream[at : at + 3]
            found += [x for x in (a | (b & 15) << 8, b >> 4 | c << 4) if x < Q]
        if len(found) >= N:
            return found[:N]
        size *= 2


def noise(seed, number):
    """Algorithm 8."""
    bits = unpack(1, hashlib.shake_256(seed + bytes([number])).digest(64 * ETA))
    pairs = [sum(bits[ETA * at : ETA * (at + 1)]) for at in range(2 * N)]
    return [(pairs[2 * i] - pairs[2 * i + 1]) % Q for i in range(N)]


def ntt(f):
    """Algorithm 9."""
    f, i, size = list(f), 1, 128
    while size >= 2:
        for start in range(0, N, 2 * size):
            zeta, i = ZETAS[i], i + 1
            for j in range(start, start + size):
                t = zeta * f[j + size] % Q
                f[j + size], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        size //= 2
    return f


def inverse(f):
    """Algorithm 10."""
    f, i, size = list(f), 127, 2
    while size <= 128:
        for start in range(0, N, 2 * size):
            zeta, i = ZETAS[i], i - 1
            for j in range(start, start + size):
                t = f[j]
                f[j] = (t + f[j + size]) % Q
                f[j + size] = zeta * (f[j + size] - t) % Q
        size *= 2
    return [x * 3303 % Q for x in f]


def dot(left, right):
    """The sum of products of transformed polynomials, algorithm 11."""
    total = [0] * N
    for a, b in zip(left, right):
        for i, gamma in enumerate(GAMMAS):
            (a0, a1), (b0, b1) = a[2 * i : 2 * i + 2], b[2 * i : 2 * i + 2]
            total[2 * i] += a0 * b0 + a1 * b1 % Q * gamma
            total[2 * i + 1] += a0 * b1 + a1 * b0
    return [x % Q for x in total]


def add(f, g):
    return [(a + b) % Q for a, b in zip(f, g)]


def squeeze(x, bits):
    return ((x << bits) + Q // 2) // Q % (1 << bits)


def expand(x, bits):
    return (x * Q + (1 << bits - 1)) >> bits


def pack(bits, f):
    number = sum(x << bits * i for i, x in enumerate(f))
    return number.to_bytes(bits * len(f) // 8, "little")


def unpack(bits, data):
    number, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    return [number >> bits * i & mask for i in range(8 * len(data) // bits)]

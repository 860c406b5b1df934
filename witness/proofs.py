"""Proofs of single records under a state root: section 22."""

from .blocks import Fields, read_header_answer
from .codec import INVALID, TAG, Refused, decode, encode, read
from .ids import place, sha256

SLOT = 258
OPERATION = 1 + 32 + SLOT + 32
CHUNK = 256
GRAFT = 8
MOST_DIGESTS = 192
MOST_KEYS = 1024


def state_answer(data):
    """(header answer, entries)."""
    reader = Fields(data)
    at = read_header_answer(reader)
    entries = [read_entry(reader) for _ in range(reader.items(MOST_KEYS))]
    reader.end()
    return at, entries


def read_keys(data):
    reader = Fields(data)
    keys = read(("list", ("type", "Key"), MOST_KEYS), reader)
    reader.end()
    return keys


def read_entry(reader):
    tag = reader.integer(1)
    if tag == 1:
        slot = reader.take(SLOT)
        proof = read_operation(reader)
        return {"is": "present", "slot": slot, "proof": proof, "next": reader.take(32)}
    if tag != 0:
        raise Refused(TAG, "unknown entry")
    kind = reader.integer(1)
    if kind == 0:
        proof = read_operation(reader)
        around = {"key": reader.take(32), "slot": reader.take(SLOT), "next": reader.take(32)}
        return {"is": "between", "proof": proof} | around
    if kind != 1:
        raise Refused(TAG, "unknown proof of absence")
    proof = read_operation(reader)
    return {"is": "empty", "proof": proof, "slot": reader.take(SLOT) if reader.flag() else None}


def read_operation(reader):
    proof = {"at": reader.var(), "chunk": reader.take(CHUNK // 8), "leaves": reader.var()}
    proof["inactive"] = reader.var()
    proof["digests"] = [reader.take(32) for _ in range(reader.items(MOST_DIGESTS))]
    for name in ("pending", "partial"):
        proof[name] = reader.take(32) if reader.flag() else None
    proof["ops_root"] = reader.take(32)
    return proof


def prove(header, key, entry):
    """The record under this key, or None if it is proven absent; Refused if nothing is proven."""
    ledger = "identity" if encode("Key", key)[0] < 32 else "meeting"
    root = header[ledger]["state_root"]
    name = place(key)
    if entry["is"] == "present":
        operation = b"\xd2" + name + entry["slot"] + entry["next"]
    elif entry["is"] == "between":
        if entry["key"] == name or not between(entry["key"], name, entry["next"]):
            raise Refused(INVALID, "the key is not between its neighbours")
        operation = b"\xd2" + entry["key"] + entry["slot"] + entry["next"]
    else:
        value = b"\1" + entry["slot"] if entry["slot"] else bytes(1 + SLOT)
        operation = b"\xd3" + value + entry["proof"]["at"].to_bytes(8, "big")
    operation += bytes(OPERATION - len(operation))
    if state_root(entry["proof"], operation) != root:
        raise Refused(INVALID, f"proof of {key[0]} does not lead to the state root")
    return unpack(entry["slot"]) if entry["is"] == "present" else None


def between(low, name, high):
    """Keys stand in a circle: the last one is followed by the first."""
    return low <= name < high if low < high else name >= low or name < high


def unpack(slot):
    size = int.from_bytes(slot[:2], "big")
    if any(slot[2 + size :]) or size > SLOT - 2:
        raise Refused(INVALID, "a slot with something after its record")
    return decode("Record", slot[2 : 2 + size])


def state_root(proof, operation):
    """The root that this operation, still in force, leads to."""
    at, leaves, chunk = proof["at"], proof["leaves"], proof["chunk"]
    if at >= leaves:
        raise Refused(INVALID, "no such operation")
    if not chunk[at % CHUNK // 8] >> at % 8 & 1:
        raise Refused(INVALID, "the operation is not in force any more")
    whole, rest = divmod(leaves, CHUNK)
    grafted = min(whole, grafts(leaves))
    if whole - grafted > 1:
        raise Refused(INVALID, "more than one pending chunk")
    if (proof["pending"] is not None) != (whole - grafted == 1):
        raise Refused(INVALID, "a pending chunk too many or too few")
    if (proof["partial"] is not None) != (rest > 0):
        raise Refused(INVALID, "a partial chunk too many or too few")
    own = at // CHUNK
    if rest and own == whole and proof["partial"] != sha256(chunk):
        raise Refused(INVALID, "another partial chunk")
    if proof["pending"] is not None and own == grafted and proof["pending"] != sha256(chunk):
        raise Refused(INVALID, "another pending chunk")
    tree = tree_root(proof, operation, chunk if own < grafted else None)
    parts = [proof["ops_root"], tree]
    if proof["pending"] is not None:
        parts.append(proof["pending"])
    if proof["partial"] is not None:
        parts += [rest.to_bytes(8, "big"), proof["partial"]]
    return sha256(*parts)


def grafts(leaves):
    """How many chunks of the bitmap hang on a node of their own."""
    born = CHUNK + (CHUNK // 2 - 1)
    return 0 if leaves < born else (leaves - born) // CHUNK + 1


def tree_root(proof, operation, chunk):
    """Root of the belt of mountains, its old ones folded forward, the others backward."""
    at, inactive, digests = proof["at"], proof["inactive"], list(proof["digests"])
    hills = peaks(proof["leaves"])
    if inactive > len(hills):
        raise Refused(INVALID, "more old mountains than mountains")
    mine = next(n for n, (start, height) in enumerate(hills) if at < start + (1 << height))

    def take(count):
        if len(digests) < count:
            raise Refused(INVALID, "digests are missing")
        found, digests[:count] = digests[:count], []
        return found

    folded = min(inactive, mine)
    before = take(1 if folded else 0) + take(mine - folded)
    alone = max(min(inactive - mine - 1, len(hills) - mine - 1), 0)
    after = take(alone) + take(1 if len(hills) - mine - 1 > alone else 0)
    before.append(climb(hills[mine], at, operation, chunk, take))
    if digests:
        raise Refused(INVALID, "digests are left over")
    line = before + after
    first = inactive - folded + 1 if folded else inactive
    acc, line = line[0], line[1:]
    for peak in line[: max(first - 1, 0)]:
        acc = sha256(acc, peak)
    line = line[max(first - 1, 0) :]
    if line:
        bag = line.pop()
        while line:
            bag = sha256(line.pop(), bag)
        acc = sha256(acc, bag)
    head = bytes([1, 1]) + proof["leaves"].to_bytes(8, "big")
    return sha256(head, inactive.to_bytes(8, "big") if inactive else b"", acc)


def climb(hill, at, operation, chunk, take):
    """Digest of the mountain over the operation; siblings come in the order of the leaves."""
    start, height = hill

    def digest(start, height):
        if not start <= at < start + (1 << height):
            return take(1)[0]
        number = position(start, height).to_bytes(8, "big")
        if height == 0:
            return sha256(number, operation)
        middle = start + (1 << height - 1)
        left = digest(start, height - 1)
        node = sha256(number, left, digest(middle, height - 1))
        return sha256(chunk, node) if height == GRAFT and chunk is not None and any(chunk) else node

    return digest(start, height)


def peaks(leaves):
    """(first leaf, height) of every mountain, the oldest first."""
    many = leaves + 1
    count, start, found = many.bit_length() - 1, 0, []
    for left in reversed(range(count)):
        height = left + (many >> left & 1)
        found.append((start, height))
        start += 1 << height
    return found


def position(start, height):
    """Number of a node in the order in which nodes are made; a parent is made late."""
    if height == 0:
        return leaf(start)
    return leaf(start + 3 * (1 << height - 1) - 2) + 1


def leaf(number):
    return 2 * number - ((number + 1).bit_length() - 1)

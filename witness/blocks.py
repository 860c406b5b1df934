"""Blocks, the chain of headers and its certificates: section 22."""

from .codec import INVALID, LENGTH, TAG, TRAILING, Reader, Refused
from .ids import sha256
from .signature import quick

LONGEST_TX = 4096
MOST_TXS = 4096
MOST_LINKS = 64
MOST_VALIDATORS = 256


class Fields(Reader):
    """The additional forms of section 22."""

    def var(self):
        """An integer in groups of seven bits, the lowest first, in its shortest form."""
        number, shift = 0, 0
        while True:
            byte = self.integer(1)
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                if byte == 0 and shift > 7 or number >= 1 << 64:
                    raise Refused(INVALID, "integer is not in its shortest form")
                return number

    def items(self, bound):
        count = self.var()
        if count > bound:
            raise Refused(LENGTH, f"{count} is over {bound}")
        return count

    def flag(self):
        there = self.integer(1)
        if there > 1:
            raise Refused(TAG, "neither 0 nor 1")
        return there == 1

    def end(self):
        if self.at != len(self.data):
            raise Refused(TRAILING, "bytes after the end")


def read_header(reader):
    start = reader.at
    if reader.integer(1) != 1:
        raise Refused(TAG, "unknown version")
    header = {"height": reader.integer(8), "time_ms": reader.integer(8), "parent": reader.take(32)}
    for name in ("epoch", "view", "parent_view"):
        header[name] = reader.integer(8)
    header["proposer"] = reader.take(32)
    header["identity"] = read_section(reader)
    header["meeting"] = read_section(reader)
    header["valset_hash"], header["next_valset_hash"] = reader.take(32), reader.take(32)
    header["digest"] = sha256(reader.data[start : reader.at])
    return header


def read_section(reader):
    section = {"prev": reader.take(32), "count": reader.integer(4)}
    if section["count"] > MOST_TXS:
        raise Refused(LENGTH, "too many transactions")
    section["tx_root"] = reader.take(32) if section["count"] else tx_root([])
    section["state_root"], section["ops_root"] = reader.take(32), reader.take(32)
    section["ops"] = (reader.integer(8), reader.integer(8))
    if section["ops"][0] >= section["ops"][1] or section["ops"][1] > 1 << 62:
        raise Refused(INVALID, "operations out of range")
    return section


def read_block(data):
    """(header, [(ledger, transaction bytes)]); the transactions are those the header names."""
    reader = Fields(data)
    found = read_body(reader)
    reader.end()
    return found


def read_body(reader):
    header = read_header(reader)
    txs = []
    for ledger in ("identity", "meeting"):
        part = []
        for _ in range(header[ledger]["count"]):
            size = reader.integer(2)
            if not 0 < size <= LONGEST_TX:
                raise Refused(LENGTH, "transaction of another length")
            part.append(reader.take(size))
        if tx_root([sha256(tx) for tx in part]) != header[ledger]["tx_root"]:
            raise Refused(INVALID, f"transactions are not those of the header ({ledger})")
        txs += [(ledger, tx) for tx in part]
    return header, txs


def tx_root(ids):
    """Root over transaction ids: pairs are hashed, the last one of an odd level with itself."""
    level = [sha256(at.to_bytes(4, "big"), one) for at, one in enumerate(ids)] or [sha256()]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2] + level[-1:])
        level = [sha256(left, right) for left, right in pairs]
    return sha256(len(ids).to_bytes(4, "big"), level[0])


def link(tag, header):
    """What the next section of this ledger names as `prev`."""
    section = header["identity" if tag == 0 else "meeting"]
    if section["count"] == 0:
        return section["prev"]
    place = header["height"].to_bytes(8, "big") + header["time_ms"].to_bytes(8, "big")
    count = section["count"].to_bytes(4, "big")
    parts = (section["prev"], count, section["tx_root"], section["state_root"])
    return sha256(b"CONCLAVE-V1/section", bytes([tag]), place, *parts)


def read_certificate(reader):
    start = reader.at
    certificate = {"epoch": reader.var(), "view": reader.var(), "parent_view": reader.var()}
    certificate["payload"] = reader.take(32)
    certificate["message"] = reader.data[start : reader.at]
    size = reader.integer(8)
    if size > MOST_VALIDATORS:
        raise Refused(LENGTH, "too many validators")
    bits = int.from_bytes(reader.take((size + 7) // 8), "little")
    if bits >> size:
        raise Refused(INVALID, "a bit for no validator")
    certificate["validators"] = size
    certificate["signers"] = [at for at in range(size) if bits >> at & 1]
    count = reader.items(size)
    if count != len(certificate["signers"]) or count == 0:
        raise Refused(INVALID, "signers and signatures differ in number")
    certificate["signatures"] = [reader.take(64) for _ in range(count)]
    return certificate


def read_header_answer(reader):
    header = read_header(reader)
    links = [read_header(reader) for _ in range(reader.items(MOST_LINKS))]
    return {"header": header, "links": links, "certificate": read_certificate(reader)}


def header_answer(data):
    reader = Fields(data)
    answer = read_header_answer(reader)
    reader.end()
    return answer


class Committee:
    """One set of validators, and which certificates of theirs were verified."""

    def __init__(self, chain_id, epoch_blocks, validators):
        self.epoch_blocks = max(epoch_blocks, 1)
        self.validators = sorted(validators)
        self.namespace = b"CONCLAVE-V1/consensus/" + chain_id + b"_FINALIZE"
        self.hash = sha256(b"CONCLAVE-V1/valset", *self.validators)
        self.known = {}

    def quorum(self):
        return len(self.validators) - (len(self.validators) - 1) // 3

    def certifies(self, certificate, header):
        """Whether a quorum signed this header as final."""
        if certificate["payload"] != header["digest"]:
            return False
        if certificate["validators"] != len(self.validators):
            return False
        if len(certificate["signers"]) < self.quorum():
            return False
        # The namespace has fewer than 128 bytes: its length is one byte.
        data = bytes([len(self.namespace)]) + self.namespace + certificate["message"]
        for at, signature in zip(certificate["signers"], certificate["signatures"]):
            item = (self.validators[at], data, signature)
            if item not in self.known:
                self.known[item] = quick(*item)
            if not self.known[item]:
                return False
        return True

    def seals(self, header):
        """Whether the header is of its epoch and names this set."""
        epoch = header["height"] // self.epoch_blocks
        return header["valset_hash"] == self.hash and header["epoch"] == epoch

    def proves(self, answer):
        """Whether an answer proves its first header final: links without a gap, then a quorum."""
        headers = [answer["header"], *answer["links"]]
        for header in headers:
            if not self.seals(header) or header["epoch"] != headers[0]["epoch"]:
                return False
        for last, header in zip(headers, headers[1:]):
            if not follows(last, header) or last["next_valset_hash"] != self.hash:
                return False
        return self.certifies(answer["certificate"], headers[-1])


def follows(last, header):
    return (
        header["parent"] == last["digest"]
        and header["height"] == last["height"] + 1
        and header["time_ms"] > last["time_ms"]
    )

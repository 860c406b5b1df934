"""A light client: bytes in, verdict out. Section 22."""

from . import ids, proofs
from .blocks import Committee, Fields, follows, read_header_answer
from .codec import Refused
from .ids import sha256

MOST_HANDOVERS = 64
MOST_MEMBERS = 128
MOST_SIBLINGS = 32


class Unbelieved(Exception):
    """An answer proves nothing; the text is the name of the reason."""


def require(held, reason):
    if not held:
        raise Unbelieved(reason)


def parse(read, data):
    """What `read` finds in all of the bytes."""
    reader = Fields(data)
    try:
        found = read(reader)
        reader.end()
    except Refused as refused:
        raise Unbelieved("Malformed") from refused
    return found


class Sets:
    """The sets of a network, from that of the genesis on: (first epoch, committee)."""

    def __init__(self, genesis, known=None):
        self.chain = ids.chain_id(genesis)
        self.length = max(genesis["params"]["epoch_blocks"], 1)
        self.signed = {} if known is None else known
        self.sets = [(0, self.committee(genesis["validators"]))]

    def committee(self, keys):
        committee = Committee(self.chain, self.length, keys)
        committee.known = self.signed
        return committee

    def at(self, epoch):
        return [committee for first, committee in self.sets if first <= epoch][-1]

    def check(self, answer):
        """Refuses an answer that does not prove its first header final."""
        headers = [answer["header"], *answer["links"]]
        epoch = headers[0]["height"] // self.length
        for header in headers:
            here = header["height"] // self.length == epoch == header["epoch"]
            here = here and header["valset_hash"] == self.at(epoch).hash
            after = self.at((header["height"] + 1) // self.length).hash
            require(here and header["next_valset_hash"] == after, "UnknownValidators")
        for last, header in zip(headers, headers[1:]):
            require(follows(last, header), "BrokenLink")
        require(self.signs(answer["certificate"], headers[-1]), "BadCertificate")

    def signs(self, certificate, header):
        committee = self.at(header["epoch"])
        return certificate["epoch"] == header["epoch"] and committee.certifies(certificate, header)

    def follow(self, handover):
        """Takes the next step; false if it is known."""
        answer, keys = handover
        header, (first, newest) = answer["header"], self.sets[-1]
        epoch = header["height"] // self.length
        if epoch < first:
            return False
        require(header["valset_hash"] == newest.hash, "UnknownValidators")
        committee = self.committee(set(keys))
        step = not answer["links"] and (header["height"] + 1) // self.length > epoch
        step = step and header["epoch"] == epoch
        step = step and header["next_valset_hash"] != header["valset_hash"]
        step = step and header["next_valset_hash"] == committee.hash
        require(step and len(committee.validators) == len(keys), "BadHandover")
        require(self.signs(answer["certificate"], header), "BadCertificate")
        self.sets.append((epoch + 1, committee))
        return True


def read_handover(reader):
    answer = read_header_answer(reader)
    count = reader.items(MOST_MEMBERS)
    if count == 0:
        raise Refused("l", "a set of nobody")
    return answer, [reader.take(32) for _ in range(count)]


def read_handovers(reader):
    return [read_handover(reader) for _ in range(reader.items(MOST_HANDOVERS))]


def read_inclusion(reader):
    found = {"at": read_header_answer(reader), "in_meeting": reader.flag()}
    found["index"], found["leaves"] = reader.integer(4), reader.integer(4)
    found["siblings"] = [reader.take(32) for _ in range(reader.items(MOST_SIBLINGS))]
    return found


def read_state(reader):
    at = read_header_answer(reader)
    return at, [proofs.read_entry(reader) for _ in range(reader.items(proofs.MOST_KEYS))]


class Client:
    """Believes what a quorum of the set of the time signed, and what leads to it."""

    def __init__(self, genesis, known=None):
        self.sets = Sets(genesis, known)
        self.params = genesis["params"]
        self.newest = None

    def accept(self, answer, now):
        self.sets.check(answer)
        certified = [answer["header"], *answer["links"]][-1]
        self.not_ahead(certified, now)
        if self.newest is None or self.newest["height"] < certified["height"]:
            self.newest = certified

    def not_ahead(self, header, now):
        require(header["time_ms"] <= now + 1000 * self.params["stale"], "FromTheFuture")

    def header(self, data, now):
        answer = parse(read_header_answer, data)
        self.accept(answer, now)
        return answer["header"]

    def handovers(self, data, now):
        new = 0
        for handover in parse(read_handovers, data):
            header = handover[0]["header"]
            self.not_ahead(header, now)
            if self.sets.follow(handover):
                self.newest = header
                new += 1
        return new

    def inclusion(self, data, txid, now):
        found = parse(read_inclusion, data)
        self.accept(found["at"], now)
        header = found["at"]["header"]
        section = header["meeting" if found["in_meeting"] else "identity"]
        require(found["leaves"] == section["count"], "NotIncluded")
        require(found["index"] < found["leaves"], "NotIncluded")
        require(root(found, txid) == section["tx_root"], "NotIncluded")
        return header, found

    def state(self, data, keys, now):
        at, entries = parse(read_state, data)
        require(len(entries) == len(keys), "WrongKeys")
        self.accept(at, now)
        header = at["header"]
        require(now - header["time_ms"] <= 1000 * self.params["stale"], "Stale")
        behind = self.newest["time_ms"] - header["time_ms"]
        require(behind <= 1000 * self.params["fresh"], "Stale")
        try:
            return [proofs.prove(header, key, entry) for key, entry in zip(keys, entries)]
        except Refused as refused:
            raise Unbelieved("BadProof") from refused


def root(found, txid):
    """Where the path from a transaction leads; None if a sibling is missing or left over."""
    at, width, siblings = found["index"], found["leaves"], list(found["siblings"])
    node = sha256(at.to_bytes(4, "big"), txid)
    while width > 1:
        if at ^ 1 < width:
            if not siblings:
                return None
            other = siblings.pop(0)
        else:
            other = node
        node = sha256(other, node) if at & 1 else sha256(node, other)
        at, width = at >> 1, width + 1 >> 1
    return None if siblings else sha256(found["leaves"].to_bytes(4, "big"), node)

"""Proofs against validators: section 24."""

from .blocks import read_header_answer
from .codec import Refused
from .light import Sets, Unbelieved, parse, read_handover, require
from .signature import quick

MAGIC = b"CONCLAVE-EVIDENCE"
MOST_BYTES = 1 << 20
MOST_HANDOVERS = 1024
NOTARIZE, NULLIFY, FINALIZE = range(3)
SUFFIX = {NOTARIZE: b"_NOTARIZE", NULLIFY: b"_NULLIFY", FINALIZE: b"_FINALIZE"}


def verify(data, genesis, known=None):
    """Whom a proof accuses; Unbelieved if nobody."""
    require(len(data) <= MOST_BYTES, "Malformed")
    chain, handovers, tag, case = parse(read, data)
    sets = Sets(genesis, known)
    require(chain == sets.chain, "OtherNetwork")
    for handover in handovers:
        try:
            new = sets.follow(handover)
        except Unbelieved as reason:
            raise Unbelieved("History") from reason
        require(new, "Malformed")
    reach = case["epoch"] if tag == 2 else 1 + max(last(side)["epoch"] for side in case)
    require(sets.sets[-1][0] <= reach, "Malformed")
    return votes(case, sets) if tag == 2 else fork(case, sets)


def read(reader):
    if reader.take(len(MAGIC)) != MAGIC or reader.integer(1) != 1:
        raise Refused("g", "not a proof of this version")
    chain = reader.take(32)
    handovers = [read_handover(reader) for _ in range(reader.items(MOST_HANDOVERS))]
    tag = reader.integer(1)
    if tag == 1:
        return chain, handovers, tag, [read_header_answer(reader), read_header_answer(reader)]
    if tag != 2:
        raise Refused("g", "another form of proof")
    case = {"signer": reader.take(32), "epoch": reader.integer(8), "view": reader.integer(8)}
    case["votes"] = [read_vote(reader), read_vote(reader)]
    return chain, handovers, tag, case


def read_vote(reader):
    tag = reader.integer(1)
    if tag not in SUFFIX:
        raise Refused("g", "another kind of vote")
    block = None if tag == NULLIFY else (reader.integer(8), reader.take(32))
    return tag, block, reader.take(64)


def last(side):
    return [side["header"], *side["links"]][-1]


def fork(sides, sets):
    headers = [side["header"] for side in sides]
    require(headers[0]["height"] == headers[1]["height"], "Harmless")
    require(headers[0]["digest"] != headers[1]["digest"], "Harmless")
    require(headers[0]["digest"] < headers[1]["digest"], "Malformed")
    for side in sides:
        try:
            sets.check(side)
        except Unbelieved as reason:
            raise Unbelieved("History") from reason
    one, other = (side["certificate"] for side in sides)
    members = sets.at(one["epoch"]).validators
    both = [members[at] for at in one["signers"] if at in other["signers"]]
    if one["validators"] != other["validators"] or sets.at(other["epoch"]).validators != members:
        both = []
    rounds = [(certificate["epoch"], certificate["view"]) for certificate in (one, other)]
    return {
        "height": headers[0]["height"],
        "signers": [key.hex() for key in both],
        "is_one_round": rounds[0] == rounds[1],
    }


def votes(case, sets):
    committee = sets.at(case["epoch"])
    require(case["signer"] in committee.validators, "NotAValidator")
    contradict(*case["votes"])
    for tag, block, signature in case["votes"]:
        message = var(case["epoch"]) + var(case["view"])
        if block is not None:
            message += var(block[0]) + block[1]
        name = b"CONCLAVE-V1/consensus/" + sets.chain + SUFFIX[tag]
        held = quick(case["signer"], bytes([len(name)]) + name + message, signature)
        require(held, "Signature")
    signers = [case["signer"].hex()]
    return {"signers": signers, "epoch": case["epoch"], "view": case["view"]}


def contradict(first, second):
    """Whether no honest validator casts both in one round; they stand in ascending order."""
    (one, block, _), (other, another, _) = first, second
    ascends = first[0] < second[0] or first[0] == second[0] and ordered(block) < ordered(another)
    require(ascends or block == another, "Malformed")
    require(one <= other, "Malformed")
    if one == other:
        require(one != NULLIFY and block != another, "Harmless")
    else:
        require((one, other) == (NULLIFY, FINALIZE), "Harmless")


def ordered(block):
    return (-1, b"") if block is None else block


def var(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])

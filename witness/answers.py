"""What validators answer, and what a client makes of it: `vectors/answers.json`."""

from . import accusations, blocks
from .codec import decode, encode
from .light import Client, Unbelieved, parse


def answers_file(checks, file):
    genesis = decode("Genesis", bytes.fromhex(file["genesis"]))
    # Signatures that were verified once, for all clients.
    known = {}
    for each in file["cases"]:
        data, name = bytes.fromhex(each["bytes"]), f"{each['of']}, {each['what']}"
        verdict, says = judge(genesis, known, each, data)
        checks.equal(name, verdict, each["verdict"])
        checks.equal(f"{name} says", says, each.get("says"))
        if each["turned"]:
            for at in range(len(data)):
                lie = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
                found, _ = judge(genesis, known, each, lie)
                checks.true(f"{name} with byte {at} changed is refused", found != "accepted")


def judge(genesis, known, each, data):
    """The verdict, and what the bytes say if they are believed."""
    try:
        return "accepted", FORMS[each["of"]](genesis, known, each, data)
    except Unbelieved as reason:
        return str(reason), None


def client_of(genesis, known, each):
    client = Client(genesis, known)
    if "knows" in each:
        client.handovers(bytes.fromhex(each["knows"]), each["now_ms"])
    return client


def header(genesis, known, each, data):
    found = parse(blocks.read_header, data)
    links = [blocks.link(tag, found).hex() for tag in (0, 1)]
    return {"height": found["height"], "digest": found["digest"].hex(), "links": links}


def block(genesis, known, each, data):
    found, txs = parse(blocks.read_body, data)
    ids = [blocks.sha256(tx).hex() for _, tx in txs]
    return {"digest": found["digest"].hex(), "txs": ids}


def record(genesis, known, each, data):
    def read(reader):
        found, _ = blocks.read_body(reader)
        is_certified = reader.flag()
        if is_certified:
            blocks.read_certificate(reader)
        return {"height": found["height"], "is_certified": is_certified}

    return parse(read, data)


def header_answer(genesis, known, each, data):
    found = client_of(genesis, known, each).header(data, each["now_ms"])
    return {"height": found["height"], "digest": found["digest"].hex()}


def state_answer(genesis, known, each, data):
    keys = [decode("Key", bytes.fromhex(key)) for key in each.get("keys", [])]
    records = client_of(genesis, known, each).state(data, keys, each["now_ms"])
    return [None if found is None else encode("Record", found).hex() for found in records]


def inclusion_answer(genesis, known, each, data):
    txid = bytes.fromhex(each["tx"])
    at, found = client_of(genesis, known, each).inclusion(data, txid, each["now_ms"])
    place = {"in_meeting": found["in_meeting"], "index": found["index"]}
    return {"height": at["height"]} | place


def handovers(genesis, known, each, data):
    client = client_of(genesis, known, each)
    new = client.handovers(data, each["now_ms"])
    height = 0 if client.newest is None else client.newest["height"] + 1
    members = client.sets.at(height // client.sets.length).validators
    return {"new": new, "validators": [key.hex() for key in members]}


def evidence(genesis, known, each, data):
    return accusations.verify(data, genesis, known)


FORMS = {
    "Block": block,
    "Evidence": evidence,
    "Handovers": handovers,
    "Header": header,
    "HeaderAnswer": header_answer,
    "InclusionAnswer": inclusion_answer,
    "Record": record,
    "StateAnswer": state_answer,
}

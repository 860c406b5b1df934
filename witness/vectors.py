"""Runs every file of vectors: one line each, how much was checked, and what failed."""

import json
from pathlib import Path

from . import algorithms, anchors, answers, codes, exchange, exports, ids, invite, links, sframe, signature, transactions
from .codec import Refused, decode, encode
from .meeting import judge
from .state import State


class Checks:
    """What was compared in one file."""

    def __init__(self):
        self.count = 0
        self.failed = []

    def equal(self, what, found, wanted):
        self.count += 1
        if found != wanted:
            self.failed.append(f"{what}: {found!r}, not {wanted!r}")

    def true(self, what, held):
        self.equal(what, bool(held), True)


def run(folder):
    """Checks every file of a folder; true if all of it held."""
    good = True
    for path in sorted(Path(folder).glob("*.json")):
        checks = Checks()
        if path.stem in FILES:
            FILES[path.stem](checks, json.loads(path.read_text(encoding="utf-8")))
        else:
            checks.failed.append("no check knows this file")
        for missing in checks.failed[:5]:
            print(f"  {missing}")
        held = not checks.failed and checks.count > 0
        print(f"{path.name}: {checks.count} checks, {len(checks.failed)} failed")
        good = good and held
    missing = sorted(set(FILES) - {path.stem for path in Path(folder).glob("*.json")})
    if missing:
        print(f"missing: {', '.join(missing)}")
    return good and not missing


def kind(name, data):
    """`.` for canonical bytes, else the class of the refusal."""
    try:
        value = decode(name, data)
    except Refused as refused:
        return refused.kind
    return "." if encode(name, value) == data else "written otherwise"


def encodings(checks, file):
    for each in file["types"]:
        name = each["type"]
        valid = [bytes.fromhex(text) for text in each["valid"]]
        for data in valid:
            checks.equal(f"{name} valid", kind(name, data), ".")
        checks.true(f"{name} has 20 malformed", len(each["malformed"]) >= 20)
        for wrong in each["malformed"]:
            data = changed(valid[wrong["of"]], wrong["change"])
            checks.equal(f"{name} {wrong['of']} {wrong['change']}", kind(name, data), wrong["class"])
        for data, turned in zip(valid, each["turned"], strict=True):
            for mask, classes in turned.items():
                mask = int(mask, 16)
                checks.equal(f"{name} turned", len(classes), len(data))
                for at, wanted in enumerate(classes):
                    turn = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
                    checks.equal(f"{name} byte {at} ^ {mask:02x}", kind(name, turn), wanted)


def changed(data, change):
    if change == "twice":
        return data + data
    how, operand = change.split()
    return data[: int(operand)] if how == "cut" else data + bytes.fromhex(operand)


def transactions_file(checks, file):
    chain = bytes.fromhex(file["chain_id"])
    for each in file["valid"]:
        data = bytes.fromhex(each["bytes"])
        tx = decode("Tx", data)
        name = each["kind"]
        checks.equal(name, tx["kind"][0], name)
        checks.equal(f"{name} again", encode("Tx", tx), data)
        checks.equal(f"{name} txid", transactions.txid(tx).hex(), each["txid"])
        checks.equal(f"{name} nonce", tx["nonce"], each["nonce"])
        signed = transactions.signed_bytes(tx, chain)
        checks.equal(f"{name} signed bytes", signed.hex(), each["signed_bytes"])


def malformed(checks, file):
    for each in file["refused"]:
        found = kind("Tx", bytes.fromhex(each["bytes"]))
        checks.equal(f"{each['kind']} {each['what']}", found, error_class(each["error"]))


def error_class(text):
    words = {"bytes end early": "c", "unknown tag": "g"}
    if text in words:
        return words[text]
    return "t" if "after the end" in text else "l" if "over its bound" in text else "i"


def state_file(checks, file):
    genesis = decode("Genesis", bytes.fromhex(file["genesis"]))
    chain = ids.chain_id(genesis)
    ivk, salt = decode("Ivk", bytes.fromhex(file["ivk"])), bytes.fromhex(file["salt"])
    user = ids.user(chain, ivk, salt)
    checks.equal("chain id", chain.hex(), file["chain_id"])
    checks.equal("user", user.hex(), file["user"])
    checks.equal("device", ids.device(user, ivk).hex(), file["dev"])
    for each in file["records"]:
        key = decode("Key", bytes.fromhex(each["key"]))
        checks.equal("key", encode("Key", key).hex(), each["key"])
        checks.equal("place", ids.place(key).hex(), each["digest"])
        record = decode("Record", bytes.fromhex(each["record"]))
        checks.equal("record", encode("Record", record).hex(), each["record"])


def keys(checks, file):
    for each in file["ed25519"]:
        found = signature.check_edwards(bytes.fromhex(each["key"]))
        checks.equal(f"ed25519 {each['key']}", found, each["verdict"])
    for each in file["identity"]:
        found = algorithms.check(decode("Ivk", bytes.fromhex(each["key"])))
        checks.equal(f"identity key {each['key']}", found, each["verdict"])
    for each in file["x25519"]:
        found = signature.check_x25519(bytes.fromhex(each["key"]))
        checks.equal(f"x25519 {each['key']}", found, each["verdict"])
    for each in file["signatures"]:
        chain, body = bytes.fromhex(each["chain_id"]), bytes.fromhex(each["body"])
        data = signature.message(each["context"], chain, body)
        checks.equal(each["what"], data.hex(), each["signed_bytes"])
        key = decode("Ivk", bytes.fromhex(each["key"]))
        sig = decode("Signature", bytes.fromhex(each["signature"]))
        found = algorithms.holds(key, data, sig)
        checks.equal(each["what"], found, each["holds"])
    members = [
        (each["idx"], decode("Record", bytes.fromhex(each["record"]))[1]["record"])
        for each in file["roster"]["members"]
    ]
    checks.equal("roster hash", ids.roster_hash(members).hex(), file["roster"]["hash"])


def codes_file(checks, file):
    code = decode("SecurityCode", bytes.fromhex(file["security_code_input"]))
    checks.equal("security code", codes.security(code), file["security_code"])
    guest = [bytes([n]) * 32 for n in (11, 12, 13)]
    shown = invite.tag(bytes([7]) * 16, code["mid"], *guest)
    checks.equal("invite tag", shown.hex(), file["invite_tag"])
    epoch = codes.epoch(bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32)
    checks.equal("epoch code", epoch, file["epoch_code"])
    at = {"height": 77, "index": 1, "time": 1_700_000_000}
    checks.equal("place", codes.place(at).hex(), file["place"])
    record = bytes([14]) * 32
    commit = codes.nonce_commitment(code["mid"], 2, record, 3, bytes([15]) * 32)
    checks.equal("nonce commitment", commit.hex(), file["nonce_commitment"])
    pictures = codes.short(record, {0: bytes([16]) * 32, 3: bytes([15]) * 32})
    checks.equal("short code", pictures, file["short_code"])
    checks.equal("list of pictures", codes.list_hash(), codes.LIST_HASH)
    checks.equal("fingerprint", codes.shown(code["ivk"]), file["fingerprint"])
    commit = ids.commitment(bytes([1]) * 32, code["leader"], 0, "Alice")
    found = encode("UserInfo", ("Commit", {"mac": commit})).hex()
    checks.equal("commitment", found, file["user_info_commitment"])


def links_file(checks, file):
    checks.equal("kinds", sorted(links.PREFIX), [each["kind"] for each in file["kinds"]])
    for each in file["kinds"]:
        name = each["kind"]
        checks.equal(f"{name} prefix", links.PREFIX[name], each["prefix"])
        for one in each["valid"]:
            value = decode(name, bytes.fromhex(one["bytes"]))
            checks.equal(f"{name} link", links.write(name, value), one["link"])
            for text in (one["link"], *one["also"]):
                checks.equal(f"{name} {text!r}", link_verdict(name, text), value)
            for at in range(len(each["prefix"]), len(one["link"])):
                other = "A" if one["link"][at] != "A" else "B"
                text = one["link"][:at] + other + one["link"][at + 1 :]
                checks.equal(f"{name} character {at}", link_verdict(name, text), "Damaged")
            if name == "DeviceAnswer":
                answer(checks, value)
        for one in each["refused"]:
            checks.equal(f"{name} {one['what']}", link_verdict(name, one["text"]), one["error"])


def link_verdict(kind, text):
    """What a link holds, or why it is refused."""
    try:
        return links.read(kind, text)
    except Refused as refused:
        return refused.kind


def answer(checks, value):
    body = value["body"]
    checks.equal("device of an answer", ids.device(body["user"], body["ivk"]), body["dev"])
    data = signature.message("device-pop", value["chain_id"], encode("AddDevice", body))
    held = algorithms.holds(body["ivk"], data, value["possession"])
    checks.true(f"possession of a key of {body['ivk'][0]}", held)


def anchors_file(checks, file):
    for each in file["valid"]:
        v = {name: bytes.fromhex(each[name]) for name in ("chain_id", "header", "bytes", "script")}
        value = v["chain_id"], each["height"], v["header"]
        checks.equal("anchor", anchors.write(*value).hex(), each["bytes"])
        checks.equal("script", anchors.script(v["bytes"]).hex(), each["script"])
        checks.equal("anchor read", anchors.read(v["bytes"]), value)
        checks.equal("script read", anchors.read_script(v["script"]), value)
    for each in file["refused"]:
        found = why(anchors.read, bytes.fromhex(each["bytes"]))
        checks.equal(each["what"], found, each["error"])
    for each in file["scripts"]:
        found = why(anchors.read_script, bytes.fromhex(each["script"]))
        checks.equal(each["what"], found, each["error"])
    for each in file["due"]:
        checks.equal("due", anchors.due(each["newest"], each["every"]), each["due"])


def why(call, *operands):
    """The kind of a refusal."""
    try:
        return call(*operands)
    except Refused as refused:
        return refused.kind


def scripts(checks, file):
    genesis = decode("Genesis", bytes.fromhex(file["genesis"]))
    rules = transactions.Rules(ids.chain_id(genesis), genesis)
    for script in file["scripts"]:
        state = State()
        for number, step in enumerate(script["steps"]):
            at = {name: step[name] for name in ("height", "index", "time")}
            tx = decode("Tx", bytes.fromhex(step["tx"]))
            what = f"{script['name']} step {number} {tx['kind'][0]}"
            checks.equal(what, judge(rules, state, at, tx), step["verdict"])
            checks.equal(f"{what} state", state.digest().hex(), step["state"])


def exchange_file(checks, file):
    v = {name: bytes.fromhex(text) for name, text in file.items() if isinstance(text, str)}
    for who in ("leader", "member"):
        checks.equal(f"epk {who}", exchange.public(v[f"esk_{who}"]), v[f"epk_{who}"])
    checks.equal("dh, equation 14", exchange.agree(v["esk_leader"], v["epk_member"]), v["dh"])
    checks.equal("dh, equation 15", exchange.agree(v["esk_member"], v["epk_leader"]), v["dh"])
    checks.equal("ek hash", exchange.ek_hash(v["ek"]), v["ek_hash"])
    kem = exchange.decapsulate(v["dk_seed"], v["kem_ct"])
    if kem is None:
        print("  note: this library has no ML-KEM; its secret is taken from the file")
    else:
        checks.equal("ek and secret of ML-KEM", kem, (v["ek"], v["ss"]))
    member = decode("Party", v["member"])
    leader = decode("Party", v["leader"])
    checks.equal("epk in party", member["epk"], v["epk_member"])
    suite = {1: ("X25519", {}), 2: ("Hybrid", {})}[file["suite"]]
    fields = member | {
        "chain": v["chain_id"], "mid": v["mid"], "suite": suite, "term": file["term"],
        "leader": leader, "idx": file["idx"], "ek_hash": v["ek_hash"],
        "kem_ct_hash": ids.sha256(v["kem_ct"]),
    }
    base = exchange.base(fields)
    checks.equal("base", base, v["base"])
    chain = exchange.Chain(base, v["dh"], v["ss"])
    checks.equal("chain", chain.key, v["chain"])
    for each in file["epochs"]:
        exchange_epoch(checks, chain, each)


def exchange_epoch(checks, chain, each):
    epoch, mk = each["epoch"], bytes.fromhex(each["mk"])
    record, wrap = bytes.fromhex(each["record"]), bytes.fromhex(each["enc_mk"])
    ctx = chain.context(epoch, record)
    checks.equal(f"ctx {epoch}", ctx.hex(), each["ctx"])
    key, nonce = chain.keys(ctx)
    checks.equal(f"EncKey {epoch}", (key.hex(), nonce.hex()), (each["enc_key"], each["nonce"]))
    checks.equal(f"EncMK {epoch}, equation 16", chain.wrap(epoch, record, mk), wrap)
    checks.equal(f"MK {epoch}, equation 17", chain.unwrap(epoch, record, wrap), mk)
    for bit in range(0, 8 * len(wrap), 7):
        bad = bytearray(wrap)
        bad[bit // 8] ^= 1 << bit % 8
        checks.true(f"wrap with bit {bit} turned", refuses(chain.unwrap, epoch, record, bytes(bad)))
    checks.true("wrap of another epoch", refuses(chain.unwrap, epoch + 1, record, wrap))
    place = decode("Commitment", bytes.fromhex(each["commitment"]))
    checks.equal(f"mk_commit {epoch}", exchange.mk_commit(mk, place).hex(), each["mk_commit"])
    chain.step(epoch, record)
    checks.equal(f"chain after {epoch}", chain.key.hex(), each["next"])


def refuses(call, *operands):
    try:
        call(*operands)
    except Refused:
        return True
    return False


def streams(checks, file):
    mid = bytes.fromhex(file["mid"])
    for each in file["streams"]:
        mk, stream = bytes.fromhex(each["mk"]), decode("StreamId", bytes.fromhex(each["id"]))
        checks.equal("label", stream["label"], sframe.LABEL)
        base = sframe.stream_key(mk, stream)
        checks.equal("streamKey, equation 18", base.hex(), each["stream_key"])
        kid = sframe.kid(stream["idx"], stream["stream"], stream["epoch"])
        checks.equal("KID", kid, each["kid"])
        key, salt = sframe.derive(base, kid)
        checks.equal("key", (key.hex(), salt.hex()), (each["sframe_key"], each["sframe_salt"]))
        extra = sframe.metadata(mid)
        checks.equal("metadata", extra.hex(), each["metadata"])
        for one in each["packets"]:
            plain, packet = bytes.fromhex(one["plain"]), bytes.fromhex(one["packet"])
            found = sframe.open_packet(base, kid, extra, packet)
            checks.equal("opened", found, (one["ctr"], plain))
            checks.equal("sealed", sframe.seal(base, kid, one["ctr"], extra, plain), packet)
            for at in range(len(packet)):
                bad = packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]
                refused = refuses(sframe.open_packet, base, kid, extra, bad)
                checks.true(f"packet with byte {at} changed is refused", refused)


def rfc9605(checks, file):
    for each in file["header"]:
        data = bytes.fromhex(each["encoded"])
        checks.equal("header", sframe.header(each["kid"], each["ctr"]), data)
        checks.equal("header", sframe.read_header(data), (each["kid"], each["ctr"], len(data)))
    for each in file["sframe"]:
        if each["cipher_suite"] != 5:
            continue
        v = {name: bytes.fromhex(text) for name, text in each.items() if isinstance(text, str)}
        key, salt = sframe.derive(v["base_key"], each["kid"])
        checks.equal("sframe_key", key, v["sframe_key"])
        checks.equal("sframe_salt", salt, v["sframe_salt"])
        checks.equal("nonce", sframe.nonce(salt, each["ctr"]), v["nonce"])
        packet = sframe.seal(v["base_key"], each["kid"], each["ctr"], v["metadata"], v["pt"])
        checks.equal("packet", packet, v["ct"])


FILES = {
    "anchors": anchors_file,
    "answers": answers.answers_file,
    "codes": codes_file,
    "encodings": encodings,
    "exchange": exchange_file,
    "exports": exports.exports_file,
    "keys": keys,
    "links": links_file,
    "malformed": malformed,
    "messages": encodings,
    "rfc9605": rfc9605,
    "scripts": scripts,
    "state": state_file,
    "streams": streams,
    "transactions": transactions_file,
}

"""The keys of a recorded meeting, computed anew from the secrets of its actors: section 8."""

from . import ids, invite, mlkem
from .algorithms import quick
from .codec import Refused, encode
from .exchange import Chain, agree, base, mk_commit, public
from .signature import message

SUITES = {"X25519": 1, "Hybrid": 2}


class Epoch:
    """One record of the ledger and the key that belongs to it."""

    def __init__(self, record):
        self.record = record
        self.number, self.hash = record["epoch"], record["hash"]
        self.mk = None


def recompute(report, recording, played):
    """Checks equations 1, 5, 8 and 12 to 17; gives the epochs with their keys."""
    epochs = [Epoch(record) for record in played.records]
    report.check(17, epochs, "the meeting had no key")
    own_keys(report, recording, played)
    knocks(report, recording, played)
    chains = {}
    for to, sender, bundle in recording.said("Bundle"):
        unwrap(report, recording, played, epochs, chains, to, sender, bundle)
    for epoch in epochs:
        commitment(report, recording, epoch)
    gone(report, recording, epochs, chains)
    return epochs


def own_keys(report, recording, played):
    """Whose secrets these are: the ledger has the public halves, and no two are alike."""
    seen = set()
    for idx, secret in recording.secrets.items():
        line = 5 if idx == 0 else 8
        report.check(line, secret["pairs"], f"no secrets of {idx}")
        for number, pair in enumerate(secret["pairs"]):
            name = f"exchange keys {number} of {idx}"
            if len(pair["esk"]) != 32 or len(pair["dk"]) != mlkem.DK:
                report.check(line, False, f"{name} have another length")
                continue
            halves = (public(pair["esk"]), ids.sha256(mlkem.public(pair["dk"])))
            on_ledger = played.exchange_keys.get(idx, [])
            report.check(line, halves in on_ledger, f"{name} are not those of the ledger")
            report.check(line, not set(halves) & seen, f"{name} are somebody else's too")
            seen |= set(halves)


def knocks(report, recording, played):
    """What a guest told the leader: signed by the identity behind the request, with the invite."""
    for _, idx, knock in recording.said("Knock"):
        idx = knock["idx"]
        asked = played.requests.get(idx)
        if not report.check(12, asked is not None, f"a knock for seat {idx} without request"):
            continue
        body = asked[1]
        parts = [encode("MeetingRequest", body), idx.to_bytes(2, "big"), knock["invite"]]
        parts += [blob(knock["name"].encode()), blob(knock["address"])]
        data = message("knock", recording.chain_id, b"".join(parts))
        held = quick(played.seats[idx]["ivk"], data, knock["sig"])
        report.check(12, held, f"the knock of {idx} is not signed by its device")
        same = ids.sha256(knock["ek"]) == body["ek_hash"]
        report.check(8, same, f"the knock of {idx} brings another ek")
        link = recording.invite
        tag = invite.tag(link["secret"], recording.mid, body["dev"], body["epk"], body["npk"])
        held = link["mid"] == recording.mid and knock["invite"] == tag
        report.check(12, held, f"the knock of {idx} does not show the invite")


def blob(data):
    return len(data).to_bytes(2, "big") + data


def unwrap(report, recording, played, epochs, chains, to, sender, bundle):
    """One wrap, leader to member, of a record of the ledger or of one that it refused."""
    body, wrap = bundle["record"], bundle["wrap"]
    number, digest = body["epoch"], ids.sha256(encode("EpochRecord", body))
    name = f"wrap of epoch {number} for {to}"
    epoch = next((epoch for epoch in epochs if epoch.number == number), None)
    if not report.check(16, epoch is not None, f"{name}: the ledger has no such epoch"):
        return
    final = digest == epoch.hash
    leader = epoch.record["members"].get(epoch.record["leader"])
    data = message("epoch", recording.chain_id, encode("EpochRecord", body))
    report.check(16, quick(leader["ivk"], data, bundle["sig"]), f"{name}: not signed")
    here = (wrap["mid"], wrap["epoch"], wrap["idx"]) == (recording.mid, number, to)
    here = here and body["mid"] == recording.mid and to in body["roster"]
    here = here and sender == epoch.record["leader"]
    if not report.check(16, here, f"{name}: it names another meeting, epoch or member"):
        return
    # A record that the ledger refused need not have been installed.
    said = recording.secrets[to]["keys"].get((number, digest))
    if wrap["kem_ct"] is not None:
        fresh = exchange(report, recording, played, epoch, to, wrap, digest, name)
        if fresh is None:
            return
        chains[to] = (fresh, number)
    if not report.check(16, to in chains, f"{name}: no exchange came before it"):
        return
    chain, at = chains[to]
    for past in epochs:
        if at <= past.number < number:
            chain.step(past.number, past.hash)
    chains[to] = (chain, max(at, number))
    try:
        mk = chain.unwrap(number, digest, wrap["enc_mk"])
    except Refused:
        report.check(17, False, f"{name}: it does not open")
        return
    report.check(16, chain.wrap(number, digest, mk) == wrap["enc_mk"], name)
    place = {"mid": recording.mid, "term": body["term"], "epoch": number}
    place |= {"roster_hash": body["roster_hash"], "prev": body["prev"]}
    held = mk_commit(mk, place) == body["mk_commit"]
    report.check(17, held, f"{name}: not the key that the record commits to")
    installed = said == mk or (said is None and not final)
    report.check(17, installed, f"{name}: the member installed another key")
    if final:
        report.check(17, epoch.mk in (None, mk), f"{name}: another key than the others have")
        epoch.mk = epoch.mk or mk


def exchange(report, recording, played, epoch, to, wrap, digest, name):
    """Equations 14 and 15 and the KEM: a fresh chain, or None.

    A member replaces its keys, and the exchange may have begun a moment before: of the pairs whose
    public halves are on the ledger, the one counts under which the wrap opens; else the last.
    """
    chain = None
    leader_idx = epoch.record["leader"]
    for ours in reversed(recording.secrets[leader_idx]["pairs"]):
        for theirs in reversed(recording.secrets[to]["pairs"]):
            try:
                chain = begin(recording, played, epoch, (leader_idx, ours), (to, theirs), wrap)
            except ValueError as error:
                report.check(14, False, f"{name}: {error}")
                return None
            if opens(chain, epoch.number, digest, wrap["enc_mk"]):
                dh = agree(ours["esk"], public(theirs["esk"]))
                report.check(14, True, name)
                same = agree(theirs["esk"], public(ours["esk"])) == dh
                report.check(15, same, f"{name}: both sides have another secret")
                return chain
    report.check(15, False, f"{name}: no keys of the member open it")
    return chain


def begin(recording, played, epoch, leader, member, wrap):
    """The chain of one pair of keys on either side."""
    (leader_idx, ours), (to, theirs) = leader, member
    dh = agree(ours["esk"], public(theirs["esk"]))
    ss = mlkem.decapsulate(theirs["dk"], wrap["kem_ct"])
    party = {field: played.seats[leader_idx][field] for field in ("user", "dev", "ivk")}
    fields = {field: played.seats[to][field] for field in ("user", "dev", "ivk")}
    return Chain(base(fields | {
        "chain": recording.chain_id, "mid": recording.mid, "suite": epoch.record["suite"],
        "term": epoch.record["term"], "leader": party | {"epk": public(ours["esk"])}, "idx": to,
        "epk": public(theirs["esk"]), "ek_hash": ids.sha256(mlkem.public(theirs["dk"])),
        "kem_ct_hash": ids.sha256(wrap["kem_ct"]),
    }), dh, ss)


def opens(chain, number, digest, enc_mk):
    try:
        chain.unwrap(number, digest, enc_mk)
    except Refused:
        return False
    return True


def commitment(report, recording, epoch):
    """Everyone of the roster has the key, and nobody else."""
    for idx, secret in recording.secrets.items():
        said = secret["keys"].get((epoch.number, epoch.hash))
        name = f"key of epoch {epoch.number} at {idx}"
        if idx in epoch.record["members"]:
            report.check(17, said is not None and said == epoch.mk, f"{name} is another, or none")
        else:
            report.check("removed", said is None, f"{name}: it has no seat in the roster")


def gone(report, recording, epochs, chains):
    """The chain of who is out opens no later wrap, not even stepped on as if it were in."""
    for to, (chain, at) in chains.items():
        for epoch in epochs:
            if epoch.number < at:
                continue
            if to not in epoch.record["members"]:
                for other, _, bundle in recording.said("Bundle"):
                    if bundle["record"]["epoch"] != epoch.number:
                        continue
                    opened = opens(chain, epoch.number, epoch.hash, bundle["wrap"]["enc_mk"])
                    report.check("removed", not opened, f"{to} opens the wrap for {other}")
            chain.step(epoch.number, epoch.hash)

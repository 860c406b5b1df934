"""The media of a recorded meeting: section 10."""

from . import sframe
from .algorithms import quick, tagged
from .codec import Refused
from .signature import message


def open_all(report, recording, played, epochs):
    """Checks equation 18, and that who is out opens nothing."""
    kinds = announced(report, recording, played)
    opened = {}
    for line in recording.packets:
        found = open_one(report, recording, played, epochs, kinds, line)
        if found is not None:
            opened[found[1]] = opened.get(found[1], 0) + 1
            who_is_out(report, recording, epochs, line["packet"], *found)
    for epoch in epochs:
        many = [idx for idx in epoch.record["members"] if idx in recording.people]
        if len(many) > 1:
            held = opened.get(epoch.number, 0) > 0
            report.check(18, held, f"no packet of epoch {epoch.number} was opened")


def announced(report, recording, played):
    """What each stream carries, by (idx, number), as its sender signed it."""
    kinds = {}
    for _, idx, said in recording.said("StreamAnnounce"):
        if not report.check(18, idx in played.seats, "a stream of nobody"):
            continue
        tag = KINDS.index(said["kind"][0])
        body = recording.mid + idx.to_bytes(2, "big") + bytes([said["stream"], tag])
        data = message("stream", recording.chain_id, body)
        held = quick(tagged(played.seats[idx]["npk"]), data, said["sig"])
        if report.check(18, held, f"stream {said['stream']} of {idx} is not signed"):
            kinds[idx, said["stream"]] = said["kind"]
    return kinds


def open_one(report, recording, played, epochs, kinds, line):
    """(stream, epoch) of a packet that opened under a record of the ledger, else None."""
    try:
        kid, ctr, _ = sframe.read_header(line["packet"])
    except Refused as refused:
        report.check(18, False, f"packet of {line['from']}: {refused}")
        return None
    idx, number, low = kid >> 14, kid >> 8 & 63, kid & 255
    name = f"packet {ctr} of stream {number} of {idx}, epoch ..{low:02x}"
    if not report.check(18, idx == line["from"], f"{name} came over the link of {line['from']}"):
        return None
    kind = kinds.get((idx, number))
    if not report.check(18, kind is not None, f"{name}: the stream was not announced"):
        return None
    final = {epoch.hash for epoch in epochs}
    tried = [
        (epoch.number, epoch.hash, epoch.mk)
        for epoch in epochs
        if epoch.mk is not None and idx in epoch.record["members"]
    ]
    # A record that the ledger refused lives for two seconds beside the one it took (section 18).
    own = recording.secrets[idx]["keys"].items() if idx in recording.secrets else ()
    tried += [(*place, mk) for place, mk in own if place[1] not in final]
    for epoch, record, mk in tried:
        stream = {
            "label": sframe.LABEL, "chain": recording.chain_id, "mid": recording.mid,
            "epoch": epoch, "record": record, "dev": played.seats[idx]["dev"], "idx": idx,
            "stream": number, "kind": kind,
        }
        if epoch % 256 == low and opens(mk, stream, kid, recording.mid, line["packet"]):
            report.check(18, True, name)
            return (stream, epoch) if record in final else None
    report.check(18, False, f"{name} does not open")
    return None


def opens(mk, stream, kid, mid, packet):
    try:
        _, plain = sframe.open_packet(
            sframe.stream_key(mk, stream), kid, sframe.metadata(mid), packet
        )
        sframe.unit(plain)
    except Refused:
        return False
    return True


def who_is_out(report, recording, epochs, packet, stream, number):
    """Every key of everyone who has no seat in this epoch, under this stream and their own."""
    kid, _, _ = sframe.read_header(packet)
    present = next(epoch for epoch in epochs if epoch.number == number)
    for idx, secret in recording.secrets.items():
        if idx in present.record["members"]:
            continue
        for (epoch, record), mk in secret["keys"].items():
            for tried in (stream, stream | {"epoch": epoch, "record": record}):
                opened = opens(mk, tried, kid, recording.mid, packet)
                report.check("removed", not opened, f"{idx} opens a packet of epoch {number}")


KINDS = ["Chat", "Audio", "Video", "Screen", "ScreenAudio"]

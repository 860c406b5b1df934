"""A recorded demo (docs/recording.md), checked equation by equation."""

import json
from pathlib import Path

from . import ids, ledgers, links, meeting_keys, packets
from .codec import Refused, decode, encode
from .report import Report

INDEX = "recording.json"
FORMAT = "conclave-recording/1"


def is_one(folder):
    """Whether a folder is a recording, not one of vectors."""
    return (Path(folder) / INDEX).is_file()


def run(folder, as_json=False):
    """Checks a recording and prints the report; true if all of it held."""
    report = check(folder)
    print(report.json() if as_json else report.text())
    return report.good()


def check(folder):
    """The report about a recording."""
    report = Report()
    try:
        recording = Recording(Path(folder))
    except (OSError, ValueError, KeyError, TypeError, Refused) as error:
        report.check("recording", False, f"{type(error).__name__}: {error}")
        return report
    report.check("recording", True, "")
    report.facts = recording.facts()
    try:
        played = ledgers.play(report, recording)
        epochs = meeting_keys.recompute(report, recording, played)
        packets.open_all(report, recording, played, epochs)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, Refused) as error:
        # Values of an unexpected kind: whatever was not checked yet has not been shown.
        report.check("recording", False, f"checking stopped: {type(error).__name__}: {error}")
    return report


class Recording:
    """The files, their hexadecimal digits turned into bytes."""

    def __init__(self, folder):
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if index["format"] != FORMAT:
            raise ValueError(f"not a recording of format {FORMAT}")
        self.genesis = decode("Genesis", bytes.fromhex(index["genesis"]))
        self.chain_id, self.mid = bytes.fromhex(index["chain_id"]), bytes.fromhex(index["mid"])
        if ids.chain_id(self.genesis) != self.chain_id:
            raise ValueError("chain_id is not the hash of the genesis")
        self.height = int(index["height"])
        self.invite = links.read("Invite", index["invite"])
        self.people = {int(one["idx"]): one for one in index["participants"]}
        if not self.people:
            raise ValueError("nobody took part")
        self.blocks = lines(folder, "blocks", ("block", "answer"))
        self.answers = lines(folder, "answers", ("keys", "answer"))
        self.packets = lines(folder, "packets", ("packet",))
        self.messages = lines(folder, "messages", ("message",))
        self.messages.sort(key=lambda line: line["at_ns"])
        secrets = lines(folder, "secrets", ())
        self.secrets = {line["idx"]: line for line in secrets}
        for line in secrets:
            line["pairs"] = [
                {name: bytes.fromhex(pair[name]) for name in ("esk", "dk")}
                for pair in line["pairs"]
            ]
            line["keys"] = {
                (one["epoch"], bytes.fromhex(one["record"])): bytes.fromhex(one["mk"])
                for one in line["keys"]
            }
        if set(self.secrets) != set(self.people):
            raise ValueError("secrets are not those of the participants")

    def facts(self):
        return {
            "network": self.chain_id.hex(),
            "meeting": self.mid.hex(),
            "participants": ", ".join(
                f"{idx} {one['name']}" for idx, one in sorted(self.people.items())
            ),
            "height": self.height,
        }

    def said(self, kind):
        """(to, from, what) of all messages of one kind, in the order in which they came."""
        for line in self.messages:
            name, fields = line["value"]
            if name == kind:
                yield line["to"], line["from"], next(iter(fields.values()))


def lines(folder, name, hexadecimal):
    found = []
    with open(folder / f"{name}.jsonl", encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            for field in hexadecimal:
                line[field] = bytes.fromhex(line[field])
            if name == "messages":
                line["value"] = decode("PeerMessage", line["message"])
                if encode("PeerMessage", line["value"]) != line["message"]:
                    raise ValueError("message is not in its one form")
            found.append(line)
    return found

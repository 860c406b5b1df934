"""What was checked in a recording: one line for each equation of the paper, and what failed."""

import json

LINES = {
    "recording": "the files of the recording can be read",
    "chain": "headers link back to the genesis, each ledger links its own sections",
    "certificates": "at least 2f+1 validators signed each block as final (Ed25519)",
    "replay": "every transaction is accepted by the rules, at its place",
    "proofs": "what light clients were shown follows from state roots and agrees with the replay",
    1: "identity keys IVK are sound, each bound once for ever",
    2: "UserID and DeviceID are derived from the first IVK",
    3: "registrations are signed by ISK and admitted by a validator",
    4: "user infos: in the clear, encrypted, HMAC under r",
    5: "the leader's EPK belongs to its ESK; ek belongs to dk",
    6: "the meeting as it was published",
    7: "its signature by ISK of the leader",
    8: "the guests' EPK belong to their ESK; ek belongs to dk; fresh in this meeting",
    9: "requests as they were made",
    10: "their signatures by ISK of the guests",
    11: "the leader was proven every request, none left out",
    12: "the leader could verify each guest's signature itself",
    13: "the leader was proven the identity behind each request before it admitted it",
    14: "X25519(ESK of the leader, EPK of the member)",
    15: "X25519(ESK of the member, EPK of the leader) is the same; ML-KEM-768 opens",
    16: "EncMK is AES-256-GCM of MK under the stepped chain",
    17: "MK opens, is what the ledger's commitment says, and everyone's",
    18: "packets open under the stream keys HMAC(MK, StreamID)",
    "removed": "keys of who left or was removed open nothing that came later",
    19: "a new leader claims the chair",
    20: "its signature",
    21: "the signature of the leader before",
    22: "the meeting is dismissed, and nothing of it comes after",
    23: "by the leader's signature",
}

NOT_CHECKED = (
    "the state as a whole: its roots are followed from the proven records, not computed anew",
    "that the validators are whom somebody believes them to be: their keys come with the recording",
    "when anything was said: the times of messages and packets are the recorder's own",
    "that no other message was said: a recording shows what is in it",
)


class Report:
    """Counts checks by line."""

    def __init__(self):
        self.counts = dict.fromkeys(LINES, 0)
        self.failed = {line: [] for line in LINES}
        self.facts = {}

    def check(self, line, held, what):
        """One thing that has to hold; `what` names it where it does not."""
        self.counts[line] += 1
        if not held:
            self.failed[line].append(what)
        return bool(held)

    def absent(self, line):
        """Whether this may be missing: nobody took the chair in this meeting."""
        return line in (19, 20, 21) and self.counts[line] == 0

    def verdict(self, line):
        if self.failed[line]:
            return "FAILED"
        if self.counts[line]:
            return "ok"
        return "did not happen" if self.absent(line) else "NOTHING TO CHECK"

    def good(self):
        return all(self.verdict(line) in ("ok", "did not happen") for line in LINES)

    def text(self):
        lines = [f"{name}: {fact}" for name, fact in self.facts.items()]
        lines.append("")
        for line, what in LINES.items():
            name = f"({line})" if isinstance(line, int) else ""
            count = self.counts[line] or ""
            lines.append(f"{name:>5} {count:>7}  {self.verdict(line):<16}  {what}")
            failed = self.failed[line]
            lines += [f"{'':16}- {why}" for why in failed[:5]]
            if len(failed) > 5:
                lines.append(f"{'':16}- and {len(failed) - 5} more")
        lines += ["", "Not checked:"] + [f"  - {what}" for what in NOT_CHECKED]
        total, bad = sum(self.counts.values()), sum(map(len, self.failed.values()))
        lines += ["", f"{total} checks, {bad} failed: {'ok' if self.good() else 'FAILED'}"]
        return "\n".join(lines)

    def json(self):
        lines = [
            {
                "line": line, "what": what, "checks": self.counts[line],
                "verdict": self.verdict(line), "failed": self.failed[line],
            }
            for line, what in LINES.items()
        ]
        whole = {"ok": self.good(), "facts": self.facts, "lines": lines}
        return json.dumps(whole | {"not_checked": NOT_CHECKED}, indent=2)

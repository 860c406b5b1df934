"""What the witness must notice: a fresh recording with one thing wrong in it.

Run as `CONCLAVE_RECORDING=DIR python3 -m unittest witness.test_recording`.
"""

import copy
import json
import os
import random
import tempfile
import unittest
from pathlib import Path

from . import blocks, ids, links, mlkem, proofs, recording, sframe
from .codec import decode, encode

FILES = ("blocks", "answers", "messages", "packets", "secrets")


def read(folder):
    """The files of a recording as JSON, with few packets and answers so that checking is quick."""
    files = {"recording": json.loads((folder / recording.INDEX).read_text(encoding="utf-8"))}
    for name in FILES:
        text = (folder / f"{name}.jsonl").read_text(encoding="utf-8")
        files[name] = [json.loads(line) for line in text.splitlines()]
    few = {}
    for line in files["packets"]:
        kept = few.setdefault(sframe.read_header(bytes.fromhex(line["packet"]))[0], [])
        kept += [line] if len(kept) < 2 else []
    files["packets"] = [line for kept in few.values() for line in kept]
    others = [line for line in files["answers"] if line["to"] != 0]
    files["answers"] = [line for line in files["answers"] if line["to"] == 0][:40] + others[:5]
    return files


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / recording.INDEX).write_text(json.dumps(files["recording"]), encoding="utf-8")
        for name in FILES:
            text = "".join(json.dumps(line) + "\n" for line in files[name])
            (path / f"{name}.jsonl").write_text(text, encoding="utf-8")
        return recording.check(path)


def turned(text, at):
    """Hexadecimal digits with one bit of one byte turned."""
    data = bytearray(bytes.fromhex(text))
    data[at] ^= 1
    return bytes(data).hex()


def other(value):
    """Bytes, or a signature, with one bit turned."""
    if isinstance(value, tuple):
        return (value[0], {"bytes": other(value[1]["bytes"])})
    return bytes([value[0] ^ 1]) + value[1:]


class Recorded(unittest.TestCase):
    """Each test changes one thing and names the line that must fail."""

    @classmethod
    def setUpClass(cls):
        cls.whole = read(Path(os.environ["CONCLAVE_RECORDING"]))

    def setUp(self):
        self.files = copy.deepcopy(self.whole)

    def fails(self, *lines):
        report = check(self.files)
        self.assertFalse(report.good())
        self.assertTrue(any(report.verdict(line) != "ok" for line in lines), report.failed)

    def bundles(self):
        for line in self.files["messages"]:
            message = decode("PeerMessage", bytes.fromhex(line["message"]))
            if message[0] == "Bundle":
                yield line, message[1]["bundle"]

    def put(self, line, bundle):
        line["message"] = encode("PeerMessage", ("Bundle", {"bundle": bundle})).hex()

    def of(self, kind):
        for line in self.files["messages"]:
            message = decode("PeerMessage", bytes.fromhex(line["message"]))
            if message[0] == kind:
                return line, message
        self.fail(f"the recording has no {kind}")

    def secret(self, idx):
        return next(line for line in self.files["secrets"] if line["idx"] == idx)

    def the_removed(self):
        """Secrets of somebody who missed an epoch, and of somebody who had it."""
        by_keys = sorted(self.files["secrets"], key=lambda line: len(line["keys"]))
        self.assertLess(len(by_keys[0]["keys"]), len(by_keys[-1]["keys"]))
        return by_keys[0], by_keys[-1]

    def test_as_it_is_all_of_it_holds(self):
        report = check(self.files)
        self.assertTrue(report.good(), report.text())

    def test_no_byte_of_a_packet_can_be_changed(self):
        line = self.files["packets"][0]
        good = line["packet"]
        for at in range(0, len(good) // 2, max(len(good) // 40, 1)):
            with self.subTest(at=at):
                line["packet"] = turned(good, at)
                self.fails(18)

    def test_a_packet_comes_over_its_senders_link(self):
        line = self.files["packets"][0]
        line["from"] = line["from"] + 1
        self.fails(18)

    def test_a_stream_is_announced_by_its_sender(self):
        line, (_, said) = self.of("StreamAnnounce")
        line["message"] = turned(line["message"], -1)
        self.fails(18)

    def test_an_altered_wrap_opens_nothing(self):
        line, bundle = next(self.bundles())
        bundle["wrap"]["enc_mk"] = other(bundle["wrap"]["enc_mk"])
        self.put(line, bundle)
        self.fails(17)

    def test_an_altered_ciphertext_of_the_kem_gives_another_chain(self):
        line, bundle = next(self.bundles())
        bundle["wrap"]["kem_ct"] = other(bundle["wrap"]["kem_ct"])
        self.put(line, bundle)
        self.fails(17)

    def test_a_wrap_for_somebody_else_is_no_wrap(self):
        line, _ = next(self.bundles())
        second = next(one for one, _ in self.bundles() if one["to"] != line["to"])
        line["message"], second["message"] = second["message"], line["message"]
        self.fails(16)

    def test_an_altered_record_is_noticed(self):
        for field in ("mk_commit", "roster_hash", "prev"):
            with self.subTest(field=field):
                self.files = copy.deepcopy(self.whole)
                line, bundle = next(self.bundles())
                bundle["record"][field] = ids.sha256(bundle["record"][field])
                self.put(line, bundle)
                self.fails(16)

    def test_a_record_is_signed_by_the_leader(self):
        line, bundle = next(self.bundles())
        bundle["sig"] = other(bundle["sig"])
        self.put(line, bundle)
        self.fails(16)

    def test_a_swapped_meeting_key_is_noticed(self):
        keys = self.secret(1)["keys"]
        keys[0]["mk"], keys[1]["mk"] = keys[1]["mk"], keys[0]["mk"]
        self.fails(17)

    def test_a_meeting_key_of_ones_own_is_noticed(self):
        self.secret(2)["keys"][0]["mk"] = "11" * 32
        self.fails(17)

    def test_the_leader_has_the_key_of_all(self):
        self.secret(0)["keys"].pop()
        self.fails(17)

    def test_a_later_key_in_the_hands_of_the_removed_is_noticed(self):
        out, present = self.the_removed()
        out["keys"].append(present["keys"][-1])
        self.fails("removed")

    def test_a_later_key_under_an_earlier_name_is_noticed(self):
        out, present = self.the_removed()
        out["keys"][0]["mk"] = present["keys"][-1]["mk"]
        self.fails("removed")

    def test_exchange_keys_are_those_of_the_ledger(self):
        for idx, field, at, line in ((0, "esk", 9, 5), (1, "esk", 9, 8), (1, "dk", 2300, 8)):
            with self.subTest(idx=idx, field=field):
                self.files = copy.deepcopy(self.whole)
                pair = self.secret(idx)["pairs"][0]
                pair[field] = turned(pair[field], at)
                self.fails(line)

    def test_the_decapsulation_key_is_used(self):
        pair = self.secret(1)["pairs"][0]
        pair["dk"] = turned(pair["dk"], 100)
        self.fails(15)

    def test_no_byte_of_a_block_can_be_changed(self):
        dice = random.Random(1)
        for _ in range(40):
            line = dice.choice(self.files["blocks"])
            good = line["block"]
            line["block"] = turned(good, dice.randrange(len(good) // 2))
            with self.subTest(height=line["height"]):
                self.fails("chain", "certificates")
            line["block"] = good

    def test_no_byte_of_a_transaction_can_be_changed(self):
        line = next(line for line in self.files["blocks"] if blocks.read_block(
            bytes.fromhex(line["block"]))[1])
        good = line["block"]
        for at in range(1, 200, 20):
            with self.subTest(at=at):
                line["block"] = turned(good, -at)
                self.fails("chain")

    def test_no_byte_of_a_certificate_can_be_changed(self):
        dice = random.Random(2)
        for _ in range(20):
            line = dice.choice(self.files["blocks"][1:])
            good = line["answer"]
            line["answer"] = turned(good, dice.randrange(len(good) // 2))
            with self.subTest(height=line["height"]):
                self.fails("certificates")
            line["answer"] = good

    def test_a_certificate_is_that_of_its_block(self):
        first, second = self.files["blocks"][5:7]
        first["answer"], second["answer"] = second["answer"], first["answer"]
        self.fails("certificates")

    def test_fewer_than_a_quorum_certify_nothing(self):
        line = self.files["blocks"][-1]
        answer = bytes.fromhex(line["answer"])
        signers = blocks.header_answer(answer)["certificate"]["signers"]
        size = 1 + 1 + 64 * len(signers)
        few = bytes([1 << signers[0] | 1 << signers[1]]) + b"\2" + answer[-size + 2 :][:128]
        line["answer"] = (answer[:-size] + few).hex()
        self.assertEqual(blocks.header_answer(bytes.fromhex(line["answer"]))["certificate"][
            "signers"], signers[:2])
        self.fails("certificates")

    def test_no_block_can_be_left_out(self):
        del self.files["blocks"][7]
        self.fails("chain")

    def test_a_recording_that_ends_early_does_not_show_the_end(self):
        self.files["blocks"] = self.files["blocks"][:20]
        self.files["recording"]["height"] = 19
        self.fails(22)

    def test_no_byte_of_a_proof_can_be_changed(self):
        dice = random.Random(3)
        for _ in range(40):
            line = dice.choice(self.files["answers"])
            good = line["answer"]
            line["answer"] = turned(good, dice.randrange(len(good) // 2))
            with self.subTest(height=line["height"]):
                self.fails("proofs")
            line["answer"] = good

    def test_a_proof_is_about_the_key_that_was_asked(self):
        line = max(self.files["answers"], key=lambda line: len(line["keys"]))
        keys = proofs.read_keys(bytes.fromhex(line["keys"]))
        keys.reverse()
        head = len(keys).to_bytes(2, "big")
        line["keys"] = (head + b"".join(encode("Key", key) for key in keys)).hex()
        self.fails("proofs")

    def test_the_leader_had_been_proven_whom_it_admitted(self):
        self.files["answers"] = [line for line in self.files["answers"] if line["to"] != 0]
        self.fails(13)

    def test_members_had_been_proven_the_roster(self):
        self.files["answers"] = self.files["answers"][:5]
        self.fails("proofs")

    def test_a_guest_signs_what_it_tells_the_leader(self):
        line, (_, said) = self.of("Knock")
        knock = said["knock"]
        for field, row in (("sig", 12), ("invite", 12), ("ek", 8)):
            with self.subTest(field=field):
                changed = ("Knock", {"knock": knock | {field: other(knock[field])}})
                line["message"] = encode("PeerMessage", changed).hex()
                self.fails(row)

    def test_what_opens_an_info_opens_that_one(self):
        shown = [line for line in self.files["secrets"] if line["info"]]
        self.assertGreaterEqual(len(shown), 2)
        first, second = shown[:2]
        first["info"], second["info"] = second["info"], first["info"]
        self.fails(4)

    def test_names_are_those_of_the_ledger(self):
        for person in self.files["recording"]["participants"]:
            with self.subTest(name=person["name"]):
                name, person["name"] = person["name"], "Mallory"
                self.fails(4)
                person["name"] = name

    def test_another_genesis_is_another_network(self):
        index = self.files["recording"]
        index["genesis"] = turned(index["genesis"], -1)
        self.fails("recording")

    def test_what_is_no_recording_is_said_to_be_none(self):
        for change in (
            lambda files: files["recording"].update(format="other"),
            lambda files: files["recording"].update(participants=[]),
            lambda files: files["recording"].update(mid="zz"),
            lambda files: files["messages"].append({"message": "ff"}),
            lambda files: files["secrets"].pop(),
            lambda files: files["blocks"].append([]),
        ):
            self.files = copy.deepcopy(self.whole)
            change(self.files)
            self.fails("recording")


class Parts(unittest.TestCase):
    """What needs no recording."""

    def test_ml_kem_agrees_with_the_vector_and_rejects_in_silence(self):
        path = Path(__file__).resolve().parent.parent / "vectors" / "exchange.json"
        file = json.loads(path.read_text(encoding="utf-8"))
        seed, kem_ct, ss = (bytes.fromhex(file[name]) for name in ("dk_seed", "kem_ct", "ss"))
        dk = mlkem.key_pair(seed[:32], seed[32:])
        self.assertEqual(mlkem.public(dk).hex(), file["ek"])
        self.assertEqual(mlkem.decapsulate(dk, kem_ct), ss)
        self.assertNotEqual(mlkem.decapsulate(dk, bytes([kem_ct[0] ^ 1]) + kem_ct[1:]), ss)

    def test_mountains_are_numbered_as_they_grow(self):
        # Eight leaves: heights 2, 1, 1; the top of the first is the seventh node.
        self.assertEqual(proofs.peaks(8), [(0, 2), (4, 1), (6, 1)])
        self.assertEqual([proofs.leaf(at) for at in range(8)], [0, 1, 3, 4, 6, 8, 10, 11])
        tops = [proofs.position(*hill) for hill in proofs.peaks(8)]
        self.assertEqual(tops, [7, 9, 12])

    def test_the_last_of_an_odd_level_is_paired_with_itself(self):
        a, b, c = (bytes([n]) * 32 for n in (1, 2, 3))
        leaf = [ids.sha256(at.to_bytes(4, "big"), one) for at, one in enumerate((a, b, c))]
        top = ids.sha256(ids.sha256(*leaf[:2]), ids.sha256(leaf[2], leaf[2]))
        self.assertEqual(blocks.tx_root([a, b, c]), ids.sha256(b"\0\0\0\3", top))

    def test_keys_stand_in_a_circle(self):
        low, middle, high = (bytes([n]) * 32 for n in (1, 2, 3))
        self.assertTrue(proofs.between(low, middle, high))
        self.assertFalse(proofs.between(middle, low, high))
        self.assertTrue(proofs.between(high, low, middle))
        self.assertTrue(proofs.between(low, high, low))

    def test_an_integer_has_one_form(self):
        self.assertEqual(blocks.Fields(b"\xac\x02").var(), 300)
        for bad in (b"\x80\x00", b"\xff" * 10 + b"\x01"):
            with self.assertRaises(blocks.Refused):
                blocks.Fields(bad).var()

    def test_an_invite_is_no_other_link(self):
        with self.assertRaises(blocks.Refused):
            links.read("Invite", "conclave:i/1#AAAA")


if __name__ == "__main__":
    unittest.main()

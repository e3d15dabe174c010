"""Acts, statements and hold texts: every vector of `vectors/act`, and texts of which one character is another [ACT-1] [ACT-2] [ACT-9]."""

import json
import os
import unittest

from indelible_reader import act
from indelible_reader.bits import Damage

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "vectors", "act")
PARSE = {"act": act.parse_act, "statement": act.parse_statement, "hold_text": act.parse_hold_text}


def vectors():
    for name in sorted(os.listdir(FOLDER)):
        if name != "ed25519.json":
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                yield name, json.load(file)


class ActTest(unittest.TestCase):
    def refused(self, rule, read, *given):
        with self.assertRaises(Damage) as caught:
            read(*given)
        self.assertEqual(caught.exception.rule, rule, given)

    def test_vectors(self):
        good = bad = 0
        for name, vector in vectors():
            with self.subTest(name):
                read, text = PARSE[vector["structure"]], vector["text"]
                if "refuse" in vector:
                    self.refused(vector["refuse"], read, text)
                    bad += 1
                    continue
                expect = dict(vector["expect"])
                record, keys = expect.pop("record", None), expect.pop("keys", None)
                found = read(text)
                self.assertEqual({member: found[member] for member in expect}, expect)
                good += 1
                if record is not None:
                    signed, lines = act.parse_record(vector["structure"], record)
                    self.assertEqual(signed, text)
                    self.assertEqual(act.signers(signed, lines, keys), keys)
        self.assertGreaterEqual(good, 20)
        self.assertGreaterEqual(bad, 24)

    def test_changed_texts(self):
        """Another character is refused, or says something else, which nobody has signed."""
        for name, vector in vectors():
            if "refuse" in vector or vector["structure"] == "hold_text":
                continue
            read, text, record = PARSE[vector["structure"]], vector["text"], vector["expect"]["record"]
            lines = act.parse_record(vector["structure"], record)[1]
            first, other = read(text), None
            for at in range(len(text)):
                for char in ("", "0", " ", "\n", "\r", "\"", "A", "\u00e9"):
                    changed = text[:at] + char + text[at + 1:]
                    if changed == text:
                        continue
                    try:
                        found = read(changed)
                    except Damage:
                        continue
                    self.assertNotEqual(found, first, f"{name}: two texts of one act: {changed!r}")
                    other = changed
            self.assertIsNotNone(other, name)
            self.refused("ACT-4", act.signers, other, lines, vector["expect"]["keys"])

    def test_bodies(self):
        since = {"size": 1, "root": "0" * 64, "date": None}
        key = next(vector["expect"]["keys"][0] for name, vector in vectors() if name == "act-key.json")

        def change(**members):
            good = {"action": "add", "role": "checkpoint", "key": key, "epoch": 1, "since": None, "reason": None}
            return "key", {"changes": [{**good, **members}]}

        rule = {"class": 4, "label": "a", "severity": 1, "trees": 0}

        def schedule(*rules):
            return "schedule", {"version": 1, "rules": list(rules), "default": 1}

        for kind, body in [change(), change(action="replace", reason="lost"), change(action="compromised", epoch=None, since=since),
                           change(role="witness", epoch=None), change(key="a+00000000+Tg=="), schedule(rule),
                           ("clock", {"from": 2, "through": 3, "not_after": (1 << 63) - 1})]:
            self.assertEqual(act.parse_body(kind, act.written(body)), body)
        for kind, body in [
                change(epoch=None), change(epoch=0), change(since=since), change(reason="lost"), change(role="admin"),
                change(action="retire", epoch=None), change(action="replace"), change(action="drop", role="hold", epoch=None),
                change(action="compromised", epoch=None), change(action="compromised", role="subject", epoch=None, since=since),
                change(key="a+00000000+AQ=="), ("key", {"changes": []}),
                schedule({**rule, "class": 0}), schedule({**rule, "severity": 0}), schedule(rule, {**rule, "trees": 1}),
                ("clock", {"from": 3, "through": 3, "not_after": 1}), ("clock", {"from": 2, "through": 3, "not_after": 1 << 63}),
                ("clock", {"through": 3, "from": 2, "not_after": 1}), ("clock", {"from": 2, "through": 3, "not_after": 1.0}),
                ("adopt", {"from": 3, "through": 3}), ("jump", {"before": 3, "after": 3}),
                ("hold", {"action": "release", "names": []}), ("hold", {"action": "release", "names": ["b", "a"]})]:
            self.refused("ACT-9", act.parse_body, kind, act.written(body))

    def test_notes(self):
        line = next(vector["expect"]["record"] for name, vector in vectors() if name == "act-void.json")
        note = json.loads(line)["act"]
        text, lines = act.parse_note(note)
        one = note[len(text) + 1:].split("\n")[0] + "\n"
        many = "".join(f"\u2014 a {act.checkpoint.base64.b64encode(bytes((0, 0, 0, at, 1))).decode()}\n" for at in range(65))
        self.assertEqual(len(act.parse_note(f"{text}\n{many[:many.rindex(chr(0x2014))]}")[1]), 64)
        for wrong in (text, text + "\n", note[:-1], note + "\n", note + one, note.replace("\u2014", "-"), f"{text}\n{many}",
                      "x" * act.NOTE_BYTES_MAX + f"\n\n{one}"):
            self.refused("ACT-2", act.parse_note, wrong)
        for wrong in (line.replace(":", ": ", 1), line[:-1] + ',"more":1}', line.replace("\u2014", "\\u2014", 1)):
            self.refused("ACT-2", act.parse_record, "act", wrong)
        self.refused("ACT-2", act.parse_record, "statement", line)
        self.assertEqual(act.signers(text, lines, []), [])

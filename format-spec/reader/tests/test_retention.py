"""Bodies of retention records: what chapter 13 allows is read, anything else is refused."""

import base64
import json
import unittest

from indelible_reader.system import BODIES, body_of, limits, misfit, runs_of

PLAN = {"at": 5, "policies": [{"name": "a", "version": 1}], "holds": [], "segments": [], "classes":
        [{"class": 1, "group": 0, "frames": "AQAA"}], "records": "AA==", "envelopes": "AA==", "groups": []}
POLICY = {"name": "p", "version": 1, "action": "set", "keep": 9, "identity_keep": None, "payload_keep": 9,
          "basis": "recorded", "classes": [1, 2], "filter": None, "text": ""}
EXTEND = {"name": "h", "from": 3, "through": 5, "seqs": "AQMB"}


def wrong(kind, body, **changed):
    body = body | changed
    return misfit(body, BODIES[kind]) or limits(kind.split()[0], body)


class Retention(unittest.TestCase):
    def test_seq_sets_have_one_form(self):
        """RET-2"""
        self.assertEqual(runs_of("AA=="), [])
        self.assertEqual(runs_of(base64.b64encode(bytes([2, 3, 2, 3, 0])).decode()), [(3, 6), (9, 10)])
        for data in ([], [1], [0, 0], [2, 0, 0, 0, 0], [1, 0x80, 0, 0], [1, 0, 0, 0]):
            self.assertIsNone(runs_of(base64.b64encode(bytes(data)).decode()), data)
        self.assertIsNone(runs_of("AA"))

    def test_bodies(self):
        """RET-1 RET-3 RET-4"""
        self.assertIsNone(wrong("policy", POLICY))
        self.assertIsNone(wrong("hold_extend", EXTEND))
        for changed in ({"keep": 8}, {"classes": [0]}, {"classes": [2, 1]}, {"version": 0}, {"name": ""}, {"more": 1}):
            self.assertIsNotNone(wrong("policy", POLICY, **changed), changed)
        for changed in ({"from": 4}, {"through": 4}, {"from": 5}, {"seqs": "AA"}):
            self.assertIsNotNone(wrong("hold_extend", EXTEND, **changed), changed)
        for text in ('{"a":1,"a":1}', '{"a":-0}', "[]", ""):
            self.assertIsNone(body_of({"metadata": text}))

    def test_plans(self):
        """RET-6"""
        intent = {"plan": json.dumps(PLAN), "key": "k", "signature": base64.b64encode(bytes(64)).decode()}
        self.assertIsNone(wrong("intent", intent))
        classes = PLAN["classes"]
        for changed in ({"classes": classes * 2}, {"classes": [classes[0] | {"class": 0}]}, {"records": ""},
                        {"groups": [{"group": 2, "seqs": "AQAA"}]}, {"groups": [{"group": 1, "seqs": "AA=="}]},
                        {"policies": PLAN["policies"] * 2}):
            self.assertIsNotNone(wrong("intent", intent, plan=json.dumps(PLAN | changed)), changed)


if __name__ == "__main__":
    unittest.main()

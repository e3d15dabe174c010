"""Signatures at the edges of the one equation [ACT-23]: `vectors/act/ed25519.json`."""

import json
import os
import unittest

from indelible_reader import ed25519

VECTORS = os.path.join(os.path.dirname(__file__), "..", "..", "vectors", "act", "ed25519.json")


class Ed25519Test(unittest.TestCase):
    def test_vectors(self):
        with open(VECTORS, encoding="utf-8") as file:
            cases = json.load(file)
        self.assertGreaterEqual(len(cases), 100)
        for case in cases:
            key, message, signature = (bytes.fromhex(case[name]) for name in ("key", "message", "signature"))
            self.assertEqual(ed25519.verify(key, message, signature), case["accepted"], case["about"])

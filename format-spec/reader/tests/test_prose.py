"""The tables of the prose against the layouts of this reader."""

import os
import re
import unittest

from indelible_reader import aead, columns, commitments, footer, frame, journal, manifest, record, segment
from indelible_reader.bits import Layout

CHAPTERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def tables():
    """(marker, rows of cells) of every table after a `layout` or `table` comment."""
    for name in sorted(os.listdir(CHAPTERS)):
        if re.match(r"\d\d-.*\.md$", name):
            with open(os.path.join(CHAPTERS, name), encoding="utf-8") as file:
                for marker, body in re.findall(r"<!-- ((?:layout|table): \w+) -->\n((?:\|.*\n)+)", file.read()):
                    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in body.splitlines()]
                    yield marker, rows[2:]


class ProseTest(unittest.TestCase):
    def test_layouts(self):
        modules = (aead, columns, commitments, footer, frame, journal, manifest, record, segment)
        own = {value.name: value for module in modules for value in vars(module).values() if isinstance(value, Layout)}
        prose = {marker.split()[1]: rows for marker, rows in tables() if marker.startswith("layout")}
        # Chapter 06 is the index's: derived, and not read here.
        for name in own:
            with self.subTest(name):
                found = [(int(row[0]), int(row[1]), row[2]) for row in prose[name]]
                self.assertEqual(found, own[name].rows())

    def test_fields_and_kinds(self):
        prose = dict(tables())
        fields = [(int(r[0]), r[1], int(r[2]), int(r[3]), r[4]) for r in prose["table: fields"] if r[2] != "-"]
        self.assertEqual(fields, record.FIELDS)
        self.assertEqual({int(r[0]): r[1] for r in prose["table: kinds"]}, record.KINDS)

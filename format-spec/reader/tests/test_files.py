"""Segments, journals, manifests, checkpoints: negative cases; and vectors."""

import base64
import json
import os
import struct
import tempfile
import unittest

from indelible_reader import checkpoint as chk, journal as jnl, manifest as man, segment as seg
from indelible_reader.bits import Damage, crc
from indelible_reader.vectors import check_vector, parse_hex, run_vectors

from . import logs
from .frames import LOG_ID, UUID_A, event, frame, transit


def resealed(data, offset, new, end):
    """Bytes with a change and the CRC of a header that ends at `end` made right again."""
    data = data[:offset] + new + data[offset + len(new):]
    return data[:end - 4] + struct.pack("<I", crc(data[:end - 4])) + data[end:]


class FilesTest(unittest.TestCase):
    def refuse(self, rule, call, *arguments, **options):
        with self.assertRaises(Damage) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.rule, rule, str(caught.exception))

    def test_headers(self):
        files = logs.small_log()
        one = files["segments/0000000000000001-00000000.seg"]
        journal = files["journal/0000000000000001.jnl"]
        for read, data, size, flags in ((seg.read_header, one, 128, 12), (lambda d: jnl.read_header(d, None, None), journal, 64, 10)):
            read(data)
            self.refuse("CONV-6", read, resealed(data, 0, b"X", size))
            self.refuse("CONV-7", read, resealed(data, 8, b"\2", size))
            self.refuse("CONV-3", read, resealed(data, flags, b"\2", size))
            self.refuse("CONV-3", read, resealed(data, size - 8, b"\1", size))
            self.refuse("CONV-5", read, data[:20] + b"\xee" + data[21:])
            self.refuse("CONV-6", read, bytes(256))

    def walk(self, data):
        part = seg.Segment(data, seg.read_header(data)["chain_before"], lambda frame, at: None)
        return part.walk(True)

    def test_segment_blocks(self):
        chain = bytes(32)
        good = logs.SegmentWriter(1, 1, 0, chain)
        good.frame([event(1), event(2)])
        good.frame([event(3)])
        good.close()
        self.assertIsNone(self.walk(good.data))

        def broken(change):
            writer = logs.SegmentWriter(1, 1, 0, chain)
            writer.frame([event(1), event(2)])
            change(writer)
            return writer.close().data

        run = lambda number: lambda w: setattr(w, "data", w.data + logs.block(seg.RUN, number, b"run"))
        self.refuse("SEG-5", self.walk, broken(run(0)))             # a run that the footer does not have
        self.refuse("SEG-2", self.walk, broken(run(2)))             # before its frames
        self.refuse("SEG-2", self.walk, self.late_block(good.data))
        self.refuse("CONV-3", self.walk, broken(lambda w: setattr(w, "data", w.data + logs.block(seg.RUN, 0, b"", flags=1))))
        self.refuse("CONV-4", self.walk, broken(lambda w: setattr(w, "data", w.data + logs.block(7, 0, b""))))
        self.refuse("SEG-4", self.walk, broken(lambda w: setattr(w, "data", w.data + logs.block(seg.TERMS, 1, self.page(first=0)))))
        self.refuse("SEG-4", self.walk, broken(lambda w: setattr(w, "data", w.data + logs.block(seg.TERMS, 1, self.page(first=1)))))  # twice
        self.refuse("SEG-2", self.walk, broken(lambda w: setattr(w, "data", w.data + logs.block(seg.TERMS, 2, self.page(first=1)))))
        self.refuse("COM-3", self.walk, broken(lambda w: setattr(w, "no", 3) or w.frame([event(3)])))
        self.refuse("COM-3", self.walk, broken(lambda w: setattr(w, "seq", 9) or w.frame([event(9)])))
        self.refuse("SEG-6", self.walk, broken(lambda w: w.terms.known[0].append("zzz")))

    def page(self, first):
        return (seg.TERM_PAGE_HEAD.write(version=1, compression=0, sections=1, raw_length=5)
                + seg.TERM_SECTION.write(field=0, first=first, count=1) + b"\x08acme")

    def late_block(self, data):
        """A frame after the lookups, the footer moved behind it."""
        at = struct.unpack("<Q", data[-16:-8])[0]
        extra = logs.block(seg.RUN, 0, b"")
        place = struct.pack("<Q", at + len(extra))
        return data[:at] + extra + data[at:-16] + place + struct.pack("<I", crc(place)) + b"IEND"

    def test_journal_groups(self):
        def stopped(build, rule):
            writer = logs.JournalWriter(1, 5)
            writer.group([event(5)])
            build(writer)
            found = jnl.read_journal(writer.data, LOG_ID, 1, 0)
            self.assertEqual((len(found.groups), found.stopped.rule), (1, rule), str(found.stopped))

        stopped(lambda w: setattr(w, "seq", 7) or w.group([event(7)]), "JRN-2")
        stopped(lambda w: setattr(w, "previous", 9) or w.group([event(6)]), "JRN-8")
        stopped(lambda w: setattr(w, "incarnation", 2) or w.group([event(6)]), "JRN-3")
        stopped(lambda w: w.group([], kind=3), "CONV-4")
        stopped(lambda w: w.group([]), "JRN-6")
        stopped(lambda w: w.group([event(6)], kind=jnl.CLOSE_MARK), "JRN-7")
        stopped(lambda w: setattr(w, "data", w.data + bytes(96)), "CONV-6")
        writer = logs.JournalWriter(1, 5).close(0)
        writer.group([event(5)])
        self.assertEqual(jnl.read_journal(writer.data, LOG_ID, 1, 0).stopped.rule, "JRN-4")
        self.refuse("JRN-3", jnl.read_journal, writer.data, bytes(16), 1)
        self.refuse("JRN-3", jnl.read_journal, writer.data, LOG_ID, 2)

    def test_manifest(self):
        data = logs.small_log()["MANIFEST"]
        self.assertEqual([s["first_seq"] for s in man.read_manifest(data)["segments"]], [0, 6])
        self.refuse("MAN-2", man.read_manifest, data + b"\0")
        one = logs.SegmentWriter(1, 0, 0, bytes(32))
        two = logs.SegmentWriter(1, 0, 0, bytes(32))
        cases = [("MAN-1", [one.entry(1), two.entry(1)], (1, 1, 1, 1)), ("MAN-1", [one.entry(2), two.entry(2)], None), ("CONV-4", [one.entry(3)], None),
                 ("MAN-1", [logs.SegmentWriter(1, 1, 0, bytes(32)).entry(2)], None), ("MAN-4", [one.entry(1)], None),
                 ("MAN-1", [one.entry(2), logs.SegmentWriter(2, 0, 0, bytes([1] * 32)).entry(2)], None),
                 ("MAN-4", [one.entry(2)], (0, 1, 0, 0)), ("MAN-4", [one.entry(2)], (1, 1, 0, 1))]
        for rule, entries, closed in cases:
            self.refuse(rule, man.read_manifest, logs.manifest(entries, closed))
        self.refuse("MAN-4", man.read_manifest, logs.manifest([one.entry(2)], next_segment=1))

    def test_checkpoint_form(self):
        good = logs.note(5, bytes(32))
        chk.verify(chk.parse(good), logs.VKEY)
        text = good.decode()
        for bad in (text[:-1], text + "\n", text.replace("\n5\n", "\n05\n"), text.replace("\n5\n", "\n-5\n"), text.replace("\n5\n", "\n\u0665\n"),
                    text.replace("AAA=\n", "AAB=\n", 1), text.replace("\u2014", "-"), text.replace("\n\n", "\nextra\n\n"), "", "\n"):
            self.refuse("CHK-2", chk.parse, bad.encode())
        for bad in (text.replace("example.com", "example com"), text.replace("example.com", "a+b"), text.replace("example.com/log\n", "\n", 1)):
            self.refuse("CHK-1", chk.parse, bad.encode())
        other = f"\u2014 witness {base64.b64encode(bytes(80)).decode()}\n"
        chk.verify(chk.parse(logs.note(5, bytes(32), other)), logs.VKEY)
        self.refuse("CHK-2", chk.verify, chk.parse(text.replace("\n5\n", "\n6\n").encode()), logs.VKEY)
        self.refuse("CHK-4", chk.parse_key, logs.VKEY.replace("+", "+0", 1))
        self.refuse("CHK-4", chk.parse_key, logs.ORIGIN)

    def test_vectors(self):
        record = {"structure": "record", "context": {"seq": 4}, "expect": {"seq": 4, "class": 1, "target_id": UUID_A}}
        self.assertEqual(check_vector(transit(event(4)), record), [])
        self.assertEqual(len(check_vector(transit(event(4)), record | {"expect": {"class": 2, "lane": ""}})), 2)
        refusal = {"structure": "record", "refuse": "REC-9"}
        self.assertEqual(check_vector(bytes(14), refusal), [])
        self.assertEqual(len(check_vector(transit(event(4)), refusal)), 1)
        self.assertEqual(parse_hex("01 02 # one, two\n# none\n0aff"), b"\1\2\x0a\xff")
        files = logs.small_log()
        for structure, data in (("manifest", files["MANIFEST"]), ("checkpoint", files["checkpoint"]),
                                ("segment_header", files["segments/0000000000000001-00000000.seg"][:128]),
                                ("journal_group", logs.JournalWriter(1, 6).group([event(6)]).data[64:])):
            context = {"log_id": LOG_ID.hex(), "incarnation": 1} if structure == "journal_group" else {}
            self.assertEqual(check_vector(data, {"structure": structure, "context": context, "expect": {}}), [], structure)
        terms = {}
        holder = logs.Terms()
        stored, payload = frame([event(1)], 1, 0, holder)
        terms = {str(field): texts for field, texts in holder.known.items()}
        description = {"structure": "frame", "context": {"terms": terms}, "expect": {"pruned": False, "entries": [{"seq": 1}], "descriptor": {"log_id": LOG_ID.hex()}}}
        self.assertEqual(check_vector(payload, description), [])
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("a.hex", transit(event(4)).hex()), ("a.json", json.dumps(record)), ("b.hex", "00"), ("b.json", json.dumps(record))):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.assertEqual(run_vectors(folder), 1)

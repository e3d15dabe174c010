"""Whole logs: what is listed, what is caught, what is only torn. Run: python3 -m unittest (in this folder's parent)."""

import contextlib
import functools
import io
import json
import tempfile
import unittest
from unittest import mock

from indelible_reader import __main__ as command, ed25519
from indelible_reader.bits import Damage
from indelible_reader.log import Log

from . import logs

ACTIVE = "segments/0000000000000002-00000000.seg"
JOURNAL = "journal/0000000000000001.jnl"


def read(files):
    with tempfile.TemporaryDirectory() as folder:
        logs.write(folder, files)
        records = []
        return Log(folder, records.append).run(), records


def refused(files):
    try:
        read(files)
    except Damage as damage:
        return damage
    raise AssertionError("accepted")


def flipped(data, offset, bit=0):
    return data[:offset] + bytes((data[offset] ^ 1 << bit,)) + data[offset + 1:]


class WholeLog(unittest.TestCase):
    def test_lists_every_record(self):
        summary, records = read(logs.small_log())
        self.assertEqual([record["seq"] for record in records], list(range(10)))
        self.assertEqual((summary["records"], summary["frames"], summary["in_journal"], summary["closed"]), (10, 3, 2, True))
        self.assertEqual((records[3]["reason"], records[3]["actor_id"], records[3]["class"]), ("because", "u-0", 2))
        self.assertEqual((records[0]["kind"], records[9]["metadata"]), (2, '{"n":9}'))
        self.assertEqual(summary["notes"], [])

    def test_every_flipped_byte_is_caught(self):
        files = logs.small_log()
        # A signature is slow in plain Python: unchanged ones are verified once.
        with mock.patch.object(ed25519, "verify", functools.lru_cache(ed25519.verify)):
            with tempfile.TemporaryDirectory() as folder:
                logs.write(folder, files)
                for name, data in files.items():
                    for offset in range(len(data)):
                        logs.write(folder, {name: flipped(data, offset, offset % 8)})
                        with self.assertRaises(Damage, msg=f"{name} {offset}") as caught:
                            Log(folder).run()
                        self.assertTrue(caught.exception.file)
                    logs.write(folder, {name: data})
                Log(folder).run()

    def test_missing_and_cut_files_are_caught(self):
        for name in logs.small_log():
            if name in ("lock", "checkpoint"):
                continue
            files = logs.small_log()
            data = files.pop(name)
            self.assertEqual(name.split("/")[0], refused(files).file.split("/")[0])
            for size in (0, 10, len(data) // 2, len(data) - 1):
                self.assertTrue(refused(files | {name: data[:size]}).file, f"{name} cut to {size}")

    def test_swapped_segments_are_caught(self):
        files = logs.small_log()
        one = "segments/0000000000000001-00000000.seg"
        files[one], files[ACTIVE] = files[ACTIVE], files[one]
        self.assertEqual(refused(files).file, one)

    def test_frame_with_right_crc_and_wrong_content(self):
        with mock.patch.object(logs, "event", functools.partial(logs.event, metadata='{"n":1}')):
            other = logs.small_log()
        files = logs.small_log()
        # A frame of another log fits by CRC and by seq, not by chain.
        damage = refused(files | {ACTIVE: other[ACTIVE]})
        self.assertEqual((damage.file, damage.rule), (ACTIVE, "COM-4"))

    def test_foreign_names_are_reported(self):
        summary, _ = read(logs.small_log() | {"stray": b"", "journal/1.jnl": b"", "MANIFEST.tmp": b""})
        self.assertEqual(len(summary["notes"]), 2)


class OpenLog(unittest.TestCase):
    def test_reads_an_unclosed_log(self):
        summary, records = read(logs.small_log(closed=False))
        self.assertEqual((summary["records"], len(records), summary["closed"], summary["notes"]), (10, 10, False, []))

    def test_torn_journal_tail_is_a_note(self):
        files = logs.small_log(closed=False)
        for tail in (files[JOURNAL][:-1], flipped(files[JOURNAL], len(files[JOURNAL]) - 1)):
            summary, records = read(files | {JOURNAL: tail})
            self.assertEqual((summary["records"], len(records), len(summary["notes"])), (9, 9, 1))
        summary, records = read(files | {JOURNAL: files[JOURNAL] + bytes(300)})
        self.assertEqual((summary["records"], len(summary["notes"])), (10, 1))

    def test_damage_before_a_valid_group_is_corrupt(self):
        files = logs.small_log(closed=False)
        self.assertIn("valid group follows", str(refused(files | {JOURNAL: flipped(files[JOURNAL], 300)})))
        self.assertEqual(refused(files | {JOURNAL: flipped(files[JOURNAL], 70)}).file, JOURNAL)

    def test_missing_durable_frame_is_corrupt(self):
        files = logs.small_log(closed=False)
        self.assertIn("framed_to", str(refused(files | {ACTIVE: files[ACTIVE][:-1]})))

    def test_torn_active_segment_is_a_note(self):
        files = logs.small_log(closed=False)
        summary, records = read(files | {ACTIVE: files[ACTIVE] + b"IBLK" + bytes(50)})
        self.assertEqual((len(records), len(summary["notes"])), (10, 1))

    def test_checkpoint_beyond_the_log_is_corrupt(self):
        files = logs.small_log(closed=False)
        self.assertIn("the checkpoint", str(refused(files | {"checkpoint": logs.note(4, bytes(32))})))
        self.assertEqual(refused(files | {"checkpoint": logs.note(2, bytes(32))}).rule, "COM-4")

    def test_next_incarnation(self):
        files = logs.small_log(closed=False)
        record = logs.event(10)
        second = logs.JournalWriter(2, 10, 2).group([record], 3)
        entries = files["MANIFEST"]
        self.assertIn("incarnation", str(refused(files | {"journal/0000000000000002.jnl": second.data})))
        body = logs.manifest.__defaults__
        self.assertEqual(body[2], 1)
        patched = functools.partial(logs.manifest, incarnation=2)
        with mock.patch.object(logs, "manifest", patched):
            files = logs.small_log(closed=False)
        self.assertNotEqual(entries, files["MANIFEST"])
        files["journal/0000000000000002.jnl"] = second.data
        self.assertEqual(read(files)[0]["records"], 11)
        # Damage in the last group of the incarnation before is not torn: the later file says so.
        damage = refused(files | {JOURNAL: files[JOURNAL][:-1]})
        self.assertEqual(damage.file, JOURNAL)


class Command(unittest.TestCase):
    def run_command(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command.main(list(arguments))
        return status, out.getvalue(), err.getvalue()

    def test_exit_codes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.run_command(folder)[0], 1)
            self.assertEqual(self.run_command(folder + "/none")[0], 1)
            files = logs.small_log()
            logs.write(folder, files)
            status, out, _ = self.run_command(folder, "--records")
            self.assertEqual((status, [json.loads(line)["seq"] for line in out.splitlines()]), (0, list(range(10))))
            status, out, _ = self.run_command(folder, "--json")
            self.assertEqual((status, json.loads(out)["records"]), (0, 10))
            logs.write(folder, {ACTIVE: flipped(files[ACTIVE], 400)})
            status, _, err = self.run_command(folder)
            self.assertEqual(status, 3)
            self.assertIn(ACTIVE, err)


if __name__ == "__main__":
    unittest.main()

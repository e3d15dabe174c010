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


    def test_counters_never_go_back(self):
        """[COM-7] Schedule version, key epoch and lost events, against a frame before that had higher ones."""
        with tempfile.TemporaryDirectory() as folder:
            logs.write(folder, logs.small_log())
            for counters in ((9, 0, 0), (0, 9, 0), (0, 0, 9)):
                log = Log(folder)
                log.counters = counters
                with self.assertRaises(Damage) as caught:
                    log.run()
                self.assertEqual(caught.exception.rule, "COM-7")


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

    def test_active_segment_that_still_has_its_derived_end(self):
        closed, files = logs.small_log(), logs.small_log(closed=False)
        frames_end = len(files[ACTIVE])
        for end in (len(closed[ACTIVE]), len(closed[ACTIVE]) - 1, len(closed[ACTIVE]) - 16, len(closed[ACTIVE]) - 100, frames_end + 50, frames_end):
            summary, records = read(files | {ACTIVE: closed[ACTIVE][:end]})
            self.assertEqual((summary["frames"], len(records)), (3, 10), end)

    def test_journal_files_of_one_incarnation(self):
        files = logs.small_log(closed=False)
        first = logs.JournalWriter(1, 6).group([logs.event(n) for n in (6, 7)], 2).group([logs.event(n) for n in (8, 9)], 3)
        second = logs.JournalWriter(2, 10, previous_crc=first.previous).group([logs.event(10)], 3)
        name = JOURNAL.replace("1.jnl", "2.jnl")
        files[JOURNAL] = first.data
        self.assertEqual(read(files | {name: second.data})[0]["records"], 11)
        self.assertEqual(read(files | {name: second.data[:50]})[0]["records"], 10)
        # A valid header says that what came before was durable; a torn one says nothing.
        cut = files | {JOURNAL: first.data[:-1]}
        self.assertIn("a later journal file", str(refused(cut | {name: second.data[:64]})))
        summary, _ = read(cut | {name: second.data[:63]})
        self.assertEqual((summary["records"], len(summary["notes"])), (8, 2))
        forgotten = logs.JournalWriter(2, 10).group([logs.event(10)], 3)
        self.assertIn("previous_crc", read(files | {name: forgotten.data})[0]["notes"][0])
        gap = logs.JournalWriter(2, 11, previous_crc=first.previous)
        self.assertEqual(refused(files | {name: gap.data}).rule, "JRN-2")

    def test_a_file_whose_records_are_framed_may_be_gone(self):
        files = logs.small_log(closed=False)
        first = logs.JournalWriter(1, 6).group([logs.event(n) for n in (6, 7)], 2)
        second = logs.JournalWriter(2, 8, previous_crc=first.previous).group([logs.event(8)], 3)
        third = logs.JournalWriter(3, 9, previous_crc=second.previous).group([logs.event(9)], 3)
        names = [JOURNAL.replace("1.jnl", f"{number}.jnl") for number in (1, 2, 3)]
        whole = {name: writer.data for name, writer in zip(names, (first, second, third))}
        del files[JOURNAL]
        for gone, records in (((), 10), (names[:1], 10)):
            self.assertEqual(read(files | {n: d for n, d in whole.items() if n not in gone})[0]["records"], records)
        for gone in (names[:2], names[1:2], names):
            self.assertTrue(refused(files | {n: d for n, d in whole.items() if n not in gone}).message, gone)

    def test_framed_to_never_goes_back(self):
        """[JRN-9]"""
        files = logs.small_log(closed=False)
        files[JOURNAL] = logs.JournalWriter(1, 6).group([logs.event(6)], 3).group([logs.event(7)], 2).data
        self.assertEqual(refused(files).rule, "JRN-9")

    def test_next_incarnation(self):
        with mock.patch.object(logs, "manifest", functools.partial(logs.manifest, incarnation=2)):
            files = logs.small_log(closed=False)
        files[JOURNAL.replace("1.jnl", "2.jnl")] = logs.JournalWriter(2, 10, 2).group([logs.event(10)], 3).data
        self.assertEqual(read(files)[0]["records"], 11)
        self.assertIn("incarnation", str(refused(files | {"MANIFEST": logs.small_log(closed=False)["MANIFEST"]})))
        # Damage in the last group of the incarnation before is not torn: the later file says so.
        self.assertEqual(refused(files | {JOURNAL: files[JOURNAL][:-1]}).file, JOURNAL)


class PrunedLog(unittest.TestCase):
    def test_removed_records_leave_every_hash_alone(self):
        whole, _ = read(logs.small_log())
        for removed in ({(1, 3): {0}}, {(2, k): {1} for k in (1, 2, 3)}, {(1, k): {0} for k in range(4)}, {(c, k): ranks for c, ranks in ((1, {0}), (2, {0, 1})) for k in range(4)}):
            original = logs.SegmentWriter.frame

            def pruned(writer, records, **options):
                # Frame 1 holds seqs 3 to 5: classes 2, 1, 2.
                return original(writer, records, removed=removed if writer.no == 1 else None, **options)
            with mock.patch.object(logs.SegmentWriter, "frame", pruned):
                summary, records = read(logs.small_log())
            self.assertEqual((summary["chain"], summary["root"], len(records)), (whole["chain"], whole["root"], 10))
            self.assertEqual(summary["removed"] + summary["expired"] + summary["erased_groups"] + summary["stub_rows"] > 0, True)
            self.assertEqual(summary["stub_rows"], int((2, 1) in removed and (2, 0) not in removed))


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

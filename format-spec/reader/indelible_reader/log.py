"""A whole log directory, read and compared with everything it says about itself.

    MANIFEST -> segments in order (chain, leaves) -> journal files -> checkpoint -> torn or corrupt

The first break ends the reading as `Damage`. What is not damage but worth knowing goes into `notes`:
a torn tail, names that do not belong to the log [CONV-8], leftovers, terms without a row.
Invariant: nothing is ever written.
"""

import base64
import os
import re
import uuid

from . import checkpoint as chk, commitments as com, journal as jnl, manifest as man, segment as seg
from .bits import Damage
from .record import to_json
from .system import body_of

TOP_NAMES = {"MANIFEST", "checkpoint", "log.pub", "live", "lock", "journal", "segments", "torn"}
JOURNAL_NAME = re.compile(r"([0-9a-f]{16})\.jnl")
SEGMENT_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{8})\.seg")
CUT_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}\.cut")


class NotALog(Exception):
    """The directory holds no log: an operational error, not damage."""


class Log:
    """`on_record` is called with the JSON object of every record, in seq order."""

    def __init__(self, path, on_record=None, key=None):
        self.path, self.on_record, self.key = path, on_record or (lambda record: None), key
        self.notes, self.leaves, self.authorities = [], [], []
        self.next_seq, self.recorded_at, self.counters = 0, None, (0, 0, 0)
        self.counts = {"removed": 0, "expired": 0, "stub_rows": 0, "erased_groups": 0, "in_journal": 0}
        self.active_damage = None           # (file, damage): where the active segment's walk ended early
        self.durable_frames = (0, "")       # highest count of frames something says was durable, and what says so

    # Files

    def read(self, name):
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise Damage("the file is missing", file=name) from None

    def names(self, folder):
        path = os.path.join(self.path, folder)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def check_names(self):
        patterns = {"journal": JOURNAL_NAME, "segments": SEGMENT_NAME, "torn": CUT_NAME}
        foreign = [name for name in self.names(".") if name not in TOP_NAMES]
        for folder, pattern in patterns.items():
            foreign += [f"{folder}/{name}" for name in self.names(folder) if not pattern.fullmatch(name)]
        self.notes += [f"{name}: does not belong to the log [CONV-8]" for name in foreign if not name.endswith(".tmp")]

    # The whole

    def run(self):
        if not os.path.isdir(self.path):
            raise NotALog(f"{self.path}: not a directory")
        if not os.path.exists(os.path.join(self.path, "MANIFEST")) and not (self.names("segments") or self.names("journal")):
            raise NotALog(f"{self.path}: not a log: neither MANIFEST nor segments nor journal")
        self.check_names()
        with at_file("MANIFEST"):
            self.manifest = man.read_manifest(self.read("MANIFEST"))
        self.check_key()
        m = self.manifest
        self.chain = com.genesis_chain(m["log_id"], m["origin"], m["key"])
        for entry in m["segments"]:
            self.segment(entry)
        self.orphans()
        self.framed = self.next_seq
        self.journal()
        self.checkpoint()
        for authority in self.authorities:
            self.authority(*authority)
        self.judge_active()
        self.check_live()
        return self.summary()

    def check_key(self):
        m = self.manifest
        name, _, _ = chk.parse_key(m["key"], "MANIFEST")
        if name != m["origin"]:
            raise Damage(f"the key's name is {name!r}, the origin {m['origin']!r}", "manifest", None, "CHK-1", "MANIFEST")
        found = self.read("log.pub")
        if found != m["key"].encode() + b"\n":
            raise Damage(f"holds {found!r}, expected the manifest's key {m['key']} and a line feed", "", 0, "CHK-4", "log.pub")

    # Segments

    def segment(self, entry):
        name = f"segments/{entry['id']:016x}-{entry['generation']:08x}.seg"
        whole = entry["state"] == man.SEALED or self.manifest["closed"] is not None
        with at_file(name):
            data = self.read(name)
            part = seg.Segment(data, self.chain, self.frame)
            expected = {"log_id": self.manifest["log_id"], "segment_id": entry["id"], "generation": entry["generation"],
                        "first_seq": entry["first_seq"], "first_frame": entry["first_frame"],
                        "chain_before": entry["chain_before"], "flags": int(self.manifest["encrypted"])}
            for field, value in expected.items():
                if part.header[field] != value:
                    raise Damage(f"{field} is {part.header[field]!r}, the manifest says {value!r}", "segment header",
                                 seg.SEGMENT_HEADER.offset(field), "MAN-3")
            damage = part.walk(whole)
            if whole:
                self.compare_segment(entry, part, len(data))
        if damage is not None:
            self.active_damage = (name, damage)
        self.leaves += part.leaves
        self.chain, self.next_seq = part.chain, part.next_seq
        if part.authority is not None:
            self.authorities.append((name, part.authority[1], len(self.leaves)))
        if not part.unsealed:
            self.notes.append(f"{name}: encrypted: frames verified by chain and tree only")
        elif part.unused_terms():
            self.notes.append(f"{name}: {part.unused_terms()} terms have no row")

    def compare_segment(self, entry, part, length):
        found = {"records": part.next_seq - entry["first_seq"], "frames": len(part.frames), "length": length,
                 "chain_after": part.chain}
        if part.unsealed:
            found |= {name: part.footer[name] for name in man.TIMES}
        for field, value in found.items():
            if entry[field] != value:
                raise Damage(f"{field} is {show(value)}, the manifest says {show(entry[field])}", "segment", None, "MAN-3")

    def frame(self, frame, offset):
        d = frame.descriptor
        counters = (d["schedule_version"], d["key_epoch"], d["lost_events"])
        if any(now < before for now, before in zip(counters, self.counters)):
            raise Damage(f"schedule version, key epoch and lost events {counters} go back from {self.counters}", "descriptor", offset, "COM-7")
        self.counters = counters
        for entry in frame.entries or ():
            if entry.state == "kept":
                self.record(entry.seq, entry.recorded_at, entry.klass, entry.values, entry.is_stub())
                continue
            self.counts[entry.state] += 1
            stub = {"seq": entry.seq, "class": entry.klass, "state": entry.state}
            if entry.state == "removed":
                self.clock(entry.seq, entry.recorded_at)
                stub |= {"recorded_at": entry.recorded_at, "occurred_at_s": entry.occurred_s}
            self.on_record(stub)

    def record(self, seq, recorded_at, klass, values, stub=False):
        self.clock(seq, recorded_at)
        if seq == 0:
            self.check_genesis(values)
        self.counts["stub_rows" if stub else "erased_groups"] += 1 if stub else values.count(None)
        self.on_record(to_json(seq, recorded_at, klass, values) | ({"state": "stub"} if stub else {}))

    def clock(self, seq, recorded_at):
        if self.recorded_at is not None and recorded_at < self.recorded_at:
            raise Damage(f"seq {seq}: recorded-at {recorded_at} goes back from {self.recorded_at}", "record", None, "REC-12")
        self.recorded_at = recorded_at

    def check_genesis(self, values):
        m = self.manifest
        expected = {"log_id": str(uuid.UUID(bytes=m["log_id"])), "origin": m["origin"], "key": m["key"], "format_version": 1}
        found = body_of(values[3])
        if found != expected:
            raise Damage(f"body is {found!r}, the manifest gives {expected!r}", "genesis record", None, "CHK-5")

    def orphans(self):
        known = {f"{e['id']:016x}-{e['generation']:08x}.seg" for e in self.manifest["segments"]}
        self.notes += [f"segments/{name}: the manifest does not name it" for name in self.names("segments")
                       if SEGMENT_NAME.fullmatch(name) and name not in known]

    # Journal

    def journal(self):
        numbers = [int(match[1], 16) for match in map(JOURNAL_NAME.fullmatch, self.names("journal")) if match]
        closed, first = self.manifest["closed"], self.manifest["journal_first"]
        needed = [number for number in numbers if number >= first]
        if needed and needed != list(range(needed[0], needed[-1] + 1)):
            raise Damage(f"files {[hex(n) for n in needed]} do not follow each other", "journal", file="journal")
        if not needed and (self.framed or self.manifest["incarnation"] > 1):
            raise Damage(f"no file from {first:#x} on, and a writer always keeps one", "journal", file="journal")
        if closed and (not needed or needed[-1] != closed["journal_no"]):
            raise Damage(f"the newest file is not {closed['journal_no']:#x}, as the manifest says", "journal", None, "MAN-3", "journal")
        previous = None
        for index, number in enumerate(numbers):
            name = f"journal/{number:016x}.jnl"
            with at_file(name):
                data = self.read(name)
                if number < first:
                    self.notes.append(f"{name}: a leftover below journal_first")
                previous = self.journal_file(data, number, previous, last=not any(map(self.header_is_right, numbers[index + 1:])))
        if self.next_seq < self.framed:
            self.next_seq = self.framed

    def header_is_right(self, number):
        try:
            jnl.read_header(self.read(f"journal/{number:016x}.jnl"), self.manifest["log_id"], number)
            return True
        except Damage:
            return False

    def journal_file(self, data, number, previous, last):
        m = self.manifest
        try:
            before = self.before(data, number, previous)
            found = jnl.read_journal(data, m["log_id"], number, before)
        except Damage as damage:
            if damage.rule == "CONV-7" or m["closed"] or not last or jnl.GROUP_HEADER.magic in data:
                raise
            self.notes.append(f"torn: {damage}")
            return None
        header = found.header
        # The first opening makes its journal file before the manifest knows of it: cut short there, nothing was ever in it (RCV-12).
        first_of_all = (m["incarnation"], header["incarnation"], header["first_seq"]) == (0, 1, 0) and not found.groups
        if header["incarnation"] > m["incarnation"] and not first_of_all or bool(header["flags"]) != m["encrypted"]:
            raise Damage("incarnation or flags do not agree with the manifest", "journal header", 10, "JRN-3")
        self.journal_starts(found, previous)
        for group in found.groups:
            self.journal_group(group)
        expected = found.groups[-1].header["first_seq"] + found.groups[-1].header["count"] if found.groups else header["first_seq"]
        if found.stopped is not None:
            self.judge_journal(data, found, expected, last)
        self.journal_end = expected
        if m["closed"] and last:
            self.check_close(found, len(data), expected)
        return found

    def before(self, data, number, previous):
        """The previous_crc that a file's first group must have, None where it cannot be known."""
        if previous is None or previous.header["file_no"] != number - 1:
            return None
        header = jnl.read_header(data, self.manifest["log_id"], number)
        if header["incarnation"] != previous.header["incarnation"]:
            return 0
        return previous.groups[-1].header["crc"] if previous.groups else None

    def journal_starts(self, found, previous):
        header = found.header
        if previous is None:
            if header["first_seq"] > self.framed:
                raise Damage(f"begins with seq {header['first_seq']}, frames end before {self.framed}", "journal header", 48, "JRN-2")
            return
        if header["incarnation"] < previous.header["incarnation"] or header["first_seq"] != self.journal_end:
            raise Damage(f"incarnation {header['incarnation']} from seq {header['first_seq']} does not continue the file before, "
                         f"which ends before seq {self.journal_end}", "journal header", 32, "JRN-2")
        if header["incarnation"] == previous.header["incarnation"] and previous.closed:
            raise Damage("continues an incarnation that has its close mark", "journal header", 32, "JRN-4")

    def journal_group(self, group):
        head = group.header
        if head["framed_to"] < self.durable_frames[0]:
            raise Damage(f"framed_to goes back from {self.durable_frames[0]} to {head['framed_to']}", "journal group",
                         group.offset + jnl.GROUP_HEADER.offset("framed_to"), "JRN-9")
        if head["framed_to"] > self.durable_frames[0]:
            self.durable_frames = (head["framed_to"], "framed_to of a journal group")
        for index, record in enumerate(group.records or ()):
            seq = head["first_seq"] + index
            if seq >= self.framed:
                self.counts["in_journal"] += 1
                self.record(seq, record[0], record[1], record[3])
        if group.records is None and head["kind"] == jnl.RECORDS:
            self.counts["in_journal"] += max(0, head["first_seq"] + head["count"] - max(self.framed, head["first_seq"]))
        self.next_seq = max(self.next_seq, head["first_seq"] + head["count"])

    def judge_journal(self, data, found, expected, last):
        """Torn or corrupt: corrupt where anything says that the place was durable."""
        damage, proof = found.stopped, None
        after = found.groups[-1].header["first_seq"] + 1 if found.groups else found.header["first_seq"]
        later = jnl.later_group(data, found.end + 1, found.header, after)
        if self.manifest["closed"] or found.closed:
            proof = "the log was closed after it"
        elif not last:
            proof = "a later journal file exists"
        elif later is not None:
            proof = f"a valid group follows at offset {later}"
        elif expected < self.framed:
            proof = f"frames hold records to seq {self.framed - 1}, which were synced here before"
        if proof:
            damage.message += f"; not a torn tail: {proof}"
            raise damage
        with_file(damage)
        self.notes.append(f"torn tail after seq {expected - 1}, {len(data) - found.end} bytes: {damage}")

    def check_close(self, found, length, expected):
        closed = self.manifest["closed"]
        mark = found.groups[-1].header if found.closed else None
        if mark is None or length != closed["journal_length"] or expected != closed["next_seq"]:
            raise Damage(f"ends at {length} before seq {expected}, close mark {bool(mark)}; the manifest says {closed['journal_length']} "
                         f"bytes, a close mark and next seq {closed['next_seq']}", "journal", None, "MAN-3")
        if mark["framed_to"] != closed["frames"] or closed["frames"] != len(self.leaves):
            raise Damage(f"close mark has framed_to {mark['framed_to']}, the manifest {closed['frames']} frames, segments hold "
                         f"{len(self.leaves)}", "close mark", found.groups[-1].offset, "MAN-3")

    # Checkpoint and the end

    def checkpoint(self):
        self.signed = None
        if not os.path.exists(os.path.join(self.path, "checkpoint")):
            self.notes.append("no checkpoint: nothing is signed")
            return
        with at_file("checkpoint"):
            self.signed = chk.parse(self.read("checkpoint"))
            chk.verify(self.signed, self.key or self.manifest["key"])
        if self.signed.size > self.durable_frames[0]:
            self.durable_frames = (self.signed.size, "[CHK-6] the checkpoint")
        if self.signed.size <= len(self.leaves):
            root = com.log_root(self.leaves[:self.signed.size])
            if root != self.signed.root:
                raise Damage(f"root of size {self.signed.size} is {b64(self.signed.root)}, the frames give {b64(root)}",
                             "checkpoint", None, "COM-4", "checkpoint")

    def authority(self, name, note, end):
        """The head under which a file was written again is the log's and covers the file's frames [SEG-22]."""
        key = self.key or self.manifest["key"]
        with at_file(name):
            head = chk.parse(note.encode())
            if chk.has_line_of(head, key):
                chk.verify(head, key)
            else:
                self.notes.append(f"{name}: its head is signed by another key than {key.split('+')[1]}: signature not checked")
            root = com.log_root(self.leaves[:head.size])
            if not end <= head.size <= len(self.leaves) or root != head.root:
                raise Damage(f"the head of {head.size} frames under which it was written again covers not its {end} frames, or is not this log's",
                             "authority block", None, "SEG-22")

    def judge_active(self):
        frames, proof = self.durable_frames
        name, damage = self.active_damage or ("segments", None)
        if len(self.leaves) < frames:
            found = damage or Damage("frames are missing", "segment")
            found.file = found.file or name
            found.message += f"; not a torn tail: {proof} says that frames below {frames} were synced, {len(self.leaves)} are there"
            raise found
        if damage is not None:
            damage.file = name
            self.notes.append(f"torn tail of the active segment after frame {len(self.leaves) - 1}: {damage}")

    def check_live(self):
        if not os.path.exists(os.path.join(self.path, "live")):
            return
        try:
            jnl.read_live(self.read("live"))
            if self.manifest["closed"]:
                self.notes.append("live: left behind in a closed log")
        except Damage as damage:
            self.notes.append(f"live: {damage} (never evidence)")

    def summary(self):
        return {"records": self.next_seq, "frames": len(self.leaves), "segments": len(self.manifest["segments"]),
                "framed": self.framed, **self.counts, "chain": self.chain.hex(), "root": b64(com.log_root(self.leaves)),
                "checkpoint_size": self.signed.size if self.signed else None, "origin": self.manifest["origin"],
                "log_id": str(uuid.UUID(bytes=self.manifest["log_id"])), "closed": self.manifest["closed"] is not None,
                "notes": self.notes}


def b64(data):
    return base64.b64encode(data).decode()


def show(value):
    return value.hex() if isinstance(value, bytes) else value


class at_file:
    """Names the file in damage that comes out of the block."""

    current = ""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.before, at_file.current = at_file.current, self.name

    def __exit__(self, kind, error, trace):
        if isinstance(error, Damage) and not error.file:
            error.file = self.name
        at_file.current = self.before
        return False


def with_file(damage):
    damage.file = damage.file or at_file.current

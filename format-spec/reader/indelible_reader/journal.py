"""Journal files and the live file (07-journal.md).

    header 64 | group header 96, payload | group header, payload | ... | close mark

`read_journal` reads as far as the bytes are right and says where and why it stopped; whether that is
torn or corrupt is the log's to decide (10-recovery.md), because the evidence lies elsewhere.
"""

from dataclasses import dataclass

from .bits import Cursor, Damage, Layout, crc
from .record import decode_group, read_transit
from .system import check_rules

JOURNAL_HEADER = Layout("JournalHeader", [
    ("magic", 8), ("version", "u16"), ("flags", "u16"), ("reserved", "u32"), ("log_id", 16), ("incarnation", "u64"),
    ("file_no", "u64"), ("first_seq", "u64"), ("reserved2", "u32"), ("crc", "u32")], magic=b"INDELJNL")
GROUP_HEADER = Layout("GroupHeader", [
    ("magic", 4), ("kind", "u16"), ("reserved", "u16"), ("log_id", 16), ("incarnation", "u64"), ("first_seq", "u64"),
    ("count", "u32"), ("length", "u32"), ("previous_crc", "u32"), ("payload_crc", "u32"), ("durable_to", "u64"),
    ("framed_to", "u64"), ("reserved2", 16), ("reserved3", "u32"), ("crc", "u32")], magic=b"IGRP")
LIVE = Layout("LiveFile", [
    ("magic", 8), ("log_id", 16), ("incarnation", "u64"), ("journal_no", "u64"), ("durable_end", "u64"),
    ("framed_to", "u64"), ("reserved", "u32"), ("crc", "u32")], magic=b"INDELLIV")
RECORDS, CLOSE_MARK = 1, 2
PAYLOAD_MAX, COUNT_MAX = 16 << 20, 65_536


@dataclass
class Group:
    header: dict
    offset: int
    records: list                       # (recorded_at, class, groups of bytes, values), None where sealed


@dataclass
class Journal:
    header: dict
    groups: list
    end: int                            # bytes up to here are right
    stopped: Damage | None              # why reading ended before the end of the file
    closed: bool = False


def read_group_header(data, offset, header):
    """A group header with its rules that need no other group."""
    cursor = Cursor(data[offset:offset + GROUP_HEADER.size], "journal group", offset)
    group = GROUP_HEADER.read(cursor)
    for name in ("log_id", "incarnation"):
        if group[name] != header[name]:
            raise cursor.fail(f"{name} is not the file's", "JRN-3", GROUP_HEADER.offset(name))
    if group["kind"] not in (RECORDS, CLOSE_MARK):
        raise cursor.fail(f"kind {group['kind']} does not exist", "CONV-4", 4)
    if group["length"] > PAYLOAD_MAX or group["count"] > COUNT_MAX:
        raise cursor.fail(f"{group['count']} records in {group['length']} bytes exceed the limits", "JRN-1", 40)
    if group["kind"] == RECORDS and not (group["count"] and group["length"]):
        raise cursor.fail("a group without records", "JRN-6", 40)
    if group["kind"] == CLOSE_MARK and (group["count"] or group["length"] or group["payload_crc"]):
        raise cursor.fail("a close mark with a payload", "JRN-7", 40)
    at = GROUP_HEADER.offset("durable_to")
    if group["durable_to"] > group["first_seq"]:
        raise cursor.fail("durable_to lies beyond the group's first seq", "JRN-7", at)
    if group["kind"] == CLOSE_MARK and group["durable_to"] != group["first_seq"]:
        raise cursor.fail("a close mark whose durable_to is not its first_seq", "JRN-7", at)
    return group


def read_payload(data, offset, group):
    start = offset + GROUP_HEADER.size
    payload = data[start:start + group["length"]]
    if len(payload) != group["length"]:
        raise Damage(f"payload has {len(payload)} bytes, expected {group['length']}", "journal group", offset, "CONV-5")
    if crc(payload) != group["payload_crc"]:
        raise Damage(f"CRC of the payload (seq {group['first_seq']} and {group['count'] - 1} more) is wrong",
                     "journal group", start, "CONV-5")
    return payload


def read_records(payload, base, group):
    """The records of a payload, which is exactly `count` of them."""
    cursor, out = Cursor(payload, "journal group", base), []
    for index in range(group["count"]):
        recorded_at, klass, groups = read_transit(cursor)
        values = [decode_group(k, groups[k], base) for k in range(4)]
        check_rules(group["first_seq"] + index, klass, values, group["log_id"])
        out.append((recorded_at, klass, groups, values))
    cursor.done("JRN-6")
    return out


def read_header(data, log_id, file_no):
    cursor = Cursor(data, "journal header")
    header = JOURNAL_HEADER.read(cursor)
    if header["flags"] & ~1:
        raise cursor.fail("unknown flags", "CONV-3", 10)
    if header["incarnation"] == 0:
        raise cursor.fail("incarnation is zero", "CONV-6", 32)
    if log_id is not None and header["log_id"] != log_id:
        raise cursor.fail("log_id is not the log's", "JRN-3", 16)
    if file_no is not None and header["file_no"] != file_no:
        raise cursor.fail(f"file_no is {header['file_no']}, the name says {file_no}", "JRN-3", 40)
    return header


def read_journal(data, log_id=None, file_no=None, previous_crc=None, unseal=None):
    """Reads one file. `previous_crc`: of the last group of this incarnation before it, None where unknown."""
    header = read_header(data, log_id, file_no)
    out = Journal(header, [], JOURNAL_HEADER.size, None)
    next_seq = header["first_seq"]
    while out.end < len(data):
        try:
            if out.closed:
                raise Damage("bytes after the close mark", "journal", out.end, "JRN-4")
            group = read_group_header(data, out.end, header)
            if group["first_seq"] != next_seq:
                raise Damage(f"group begins with seq {group['first_seq']}, expected {next_seq}", "journal group", out.end, "JRN-2")
            if previous_crc is not None and group["previous_crc"] != previous_crc:
                raise Damage(f"previous_crc is {group['previous_crc']:08x}, expected {previous_crc:08x}", "journal group", out.end, "JRN-8")
            payload = read_payload(data, out.end, group)
            records = None
            if not header["flags"] & 1:
                records = read_records(payload, out.end + GROUP_HEADER.size, group)
            elif unseal is not None and payload:
                records = read_records(unseal(header, group, out.end, payload), out.end + GROUP_HEADER.size, group)
        except Damage as damage:
            out.stopped = damage
            break
        out.groups.append(Group(group, out.end, records))
        out.closed = group["kind"] == CLOSE_MARK
        out.end += GROUP_HEADER.size + group["length"]
        next_seq, previous_crc = next_seq + group["count"], group["crc"]
    return out


def later_group(data, start, header, after_seq):
    """The offset of a valid group of this file after a damaged place, or None."""
    at = data.find(GROUP_HEADER.magic, start)
    while at >= 0:
        try:
            group = read_group_header(data, at, header)
            read_payload(data, at, group)
            if group["first_seq"] >= after_seq:
                return at
        except Damage:
            pass
        at = data.find(GROUP_HEADER.magic, at + 1)
    return None


def read_live(data):
    cursor = Cursor(data, "live file")
    live = LIVE.read(cursor)
    cursor.done()
    return live

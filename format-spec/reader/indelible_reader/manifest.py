"""The manifest: log id, origin, first key, segments (08-manifest.md)."""

from .bits import Cursor, Layout, crc

MANIFEST_HEAD = Layout("ManifestHead", [
    ("magic", 8), ("version", "u16"), ("reserved", "u16"), ("length", "u32"), ("body_crc", "u32"), ("crc", "u32")],
    magic=b"INDELMAN")
ACTIVE, SEALED = 1, 2
SEGMENT_BYTES = 8 + 4 + 1 + 4 * 8 + 8 + 4 * 8 + 64
TIMES = ("occurred_min", "occurred_max", "recorded_min", "recorded_max")


def read_string(cursor, what):
    data = bytes(cursor.take(cursor.u64(what), what))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise cursor.fail(f"{what} is not UTF-8", "CONV-4") from None


def read_bool(cursor, what):
    value = cursor.u8(what)
    if value > 1:
        raise cursor.fail(f"{what} is {value}, expected 0 or 1", "CONV-4", cursor.at - 1)
    return value == 1


def read_segment(cursor):
    entry = {"id": cursor.u64("segment id"), "generation": cursor.u32("generation"), "state": cursor.u8("state")}
    if entry["state"] not in (ACTIVE, SEALED):
        raise cursor.fail(f"segment state {entry['state']} does not exist", "CONV-4", cursor.at - 1)
    for name in ("first_seq", "first_frame", "records", "frames", "length"):
        entry[name] = cursor.u64(name)
    for name in TIMES:
        entry[name] = cursor.i64(name)
    entry["chain_before"] = bytes(cursor.take(32, "chain_before"))
    entry["chain_after"] = bytes(cursor.take(32, "chain_after"))
    return entry


def check_segments(cursor, body):
    """[MAN-1, MAN-4]: order, and what the rest of the manifest must say about the segments."""
    seq = frame = 0
    previous = None
    for index, entry in enumerate(body["segments"]):
        name = f"segment {entry['id']:x}"
        if previous is not None and entry["id"] <= previous:
            raise cursor.fail(f"{name} does not ascend", "MAN-1", 0)
        if (entry["first_seq"], entry["first_frame"]) != (seq, frame):
            raise cursor.fail(f"{name} begins at seq {entry['first_seq']}, frame {entry['first_frame']}, expected {seq}, {frame}", "MAN-1", 0)
        if entry["state"] == ACTIVE and index != len(body["segments"]) - 1:
            raise cursor.fail(f"{name} is active and not the last", "MAN-1", 0)
        if entry["state"] == ACTIVE and body["closed"] is None:
            if any(entry[n] for n in ("records", "frames", "length") + TIMES) or any(entry["chain_after"]):
                raise cursor.fail(f"{name} is active in a log that is not closed, yet has an end", "MAN-4", 0)
        if index and entry["chain_before"] != body["segments"][index - 1]["chain_after"]:
            raise cursor.fail(f"{name} does not continue the chain", "MAN-1", 0)
        previous, seq, frame = entry["id"], seq + entry["records"], frame + entry["frames"]
    if previous is not None and body["next_segment"] <= previous:
        raise cursor.fail(f"next_segment {body['next_segment']} is taken", "MAN-4", 0)
    closed = body["closed"]
    if closed and (closed["frames"] != frame or closed["next_seq"] < seq or closed["journal_no"] < body["journal_first"]):
        raise cursor.fail(f"closed with {closed}, segments hold {seq} records in {frame} frames, journal_first is {body['journal_first']}",
                          "MAN-4", 0)


def read_manifest(data):
    cursor = Cursor(data, "manifest")
    head = MANIFEST_HEAD.read(cursor)
    if head["length"] != cursor.left:
        raise cursor.fail(f"body has {cursor.left} bytes, expected {head['length']}", "MAN-2")
    if crc(data[cursor.at:]) != head["body_crc"]:
        raise cursor.fail("CRC of the body is wrong", "CONV-5")
    body = {"log_id": bytes(cursor.take(16, "log_id")), "origin": read_string(cursor, "origin"),
            "key": read_string(cursor, "key"), "created_at": cursor.i64("created_at"),
            "encrypted": read_bool(cursor, "encrypted"), "revision": cursor.u64("revision"),
            "incarnation": cursor.u64("incarnation"), "closed": None}
    if read_bool(cursor, "closed"):
        body["closed"] = {name: cursor.u64(name) for name in ("journal_no", "journal_length", "next_seq", "frames")}
    body["journal_first"], body["next_segment"] = cursor.u64("journal_first"), cursor.u64("next_segment")
    count = cursor.u64("segments")
    if count * SEGMENT_BYTES > cursor.left:
        raise cursor.fail(f"{count} segments do not fit {cursor.left} bytes", "CONV-5")
    body["segments"] = [read_segment(cursor) for _ in range(count)]
    cursor.done("MAN-2")
    if body["revision"] == 0:
        raise cursor.fail("revision is zero", "MAN-4", 0)
    check_segments(cursor, body)
    return body

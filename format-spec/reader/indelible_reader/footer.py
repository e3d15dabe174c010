"""The footer of a segment, compared with the blocks it was derived from [SEG-5] (04-segment.md).

Times are over the rows that are left, stub rows left out.
"""

from .bits import Cursor, Layout

FOOTER_HEAD = Layout("FooterHead", [
    ("version", "u16"), ("reserved", "u16"), ("frames", "u32"), ("pages", "u32"), ("runs", "u32"), ("lookups", "u32"),
    ("reserved2", "u32"), ("records", "u64"), ("occurred_min", "i64"), ("occurred_max", "i64"), ("recorded_min", "i64"),
    ("recorded_max", "i64"), ("chain_after", 32)])
FRAME_ENTRY = Layout("FrameEntry", [
    ("offset", "u64"), ("length", "u32"), ("first_ordinal", "u32"), ("occurred_min", "i64"), ("occurred_max", "i64"),
    ("recorded_first", "i64"), ("leaf_hash", 32)])
PAGE_ENTRY = Layout("PageEntry", [
    ("offset", "u64"), ("length", "u32"), ("first", "u32"), ("count", "u32"), ("field", "u8"), ("reserved", 3)])
BLOCK_ENTRY = Layout("BlockEntry", [("offset", "u64"), ("length", "u32"), ("number", "u32")])


def compare(cursor, found, expected, at, what):
    for name, value in expected.items():
        if value is not None and found[name] != value:
            show = lambda v: v.hex() if isinstance(v, bytes) else v
            raise cursor.fail(f"{what}: {name} is {show(found[name])}, the blocks give {show(value)}", "SEG-5", at)


def frame_entries(segment):
    for (offset, length), frame, first_ordinal, leaf_hash in segment.frames:
        expected = {"offset": offset, "length": length, "first_ordinal": first_ordinal, "leaf_hash": leaf_hash}
        if frame.times is not None:
            # Where no row is left, zero stands.
            expected |= {"occurred_min": frame.times[0] or 0, "occurred_max": frame.times[1] or 0,
                         "recorded_first": frame.times[2] or 0}
        yield expected


def totals(segment):
    """The head's values over the rows of all frames, zero where there are none."""
    times = [frame.times for _, frame, _, _ in segment.frames]
    out = {"records": segment.next_seq - segment.header["first_seq"], "chain_after": segment.chain}
    if any(t is None for t in times):
        return out
    known = [t for t in times if t[0] is not None]
    out |= {"occurred_min": min((t[0] for t in known), default=0), "occurred_max": max((t[1] for t in known), default=0)}
    recorded = [time for t in times for time in t[2:] if time is not None]
    out |= {"recorded_min": min(recorded, default=0), "recorded_max": max(recorded, default=0)}
    return out


def read_footer(payload, base=0):
    """A footer by itself: its head with the four lists, each ascending."""
    cursor = Cursor(payload, "footer", base)
    head = FOOTER_HEAD.read(cursor)
    lists = (("frames", FRAME_ENTRY, "first_ordinal"), ("pages", PAGE_ENTRY, ("field", "first")), ("runs", BLOCK_ENTRY, "number"),
             ("lookups", BLOCK_ENTRY, "number"))
    if sum(head[name] * layout.size for name, layout, _ in lists) != cursor.left:
        raise cursor.fail(f"{cursor.left} bytes do not hold the entries that the head announces", "CONV-5")
    for name, layout, key in lists:
        entries = [layout.read(cursor) for _ in range(head[name])]
        order = [tuple(entry[part] for part in key) if isinstance(key, tuple) else entry[key] for entry in entries]
        if sorted(set(order)) != order:
            raise cursor.fail(f"entries of {name} do not ascend", "SEG-5")
        head[name] = entries
    return head


def check_footer(segment, payload, base):
    read_footer(payload, base)
    cursor = Cursor(payload, "footer", base)
    head = FOOTER_HEAD.read(cursor)
    pages = [{"field": field, "first": first, "count": count, "offset": offset, "length": length}
             for field, first, count, offset, length in sorted(segment.pages)]
    blocks = [[{"offset": o, "length": n, "number": number} for o, n, number in group]
              for group in (segment.runs, segment.lookups)]
    lists = (("frames", FRAME_ENTRY, list(frame_entries(segment))), ("pages", PAGE_ENTRY, pages),
             ("runs", BLOCK_ENTRY, blocks[0]), ("lookups", BLOCK_ENTRY, blocks[1]))
    compare(cursor, head, totals(segment) | {name: len(expected) for name, _, expected in lists}, 0, "head")
    segment.footer = head
    for name, layout, expected in lists:
        for index, values in enumerate(expected):
            at = cursor.at
            compare(cursor, layout.read(cursor), values, at, f"entry {index} of {name}")
    cursor.done()

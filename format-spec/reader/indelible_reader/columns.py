"""The columns of a frame body: nine encodings (05-frame.md), each read strictly [FRM-5, FRM-6].

Every decoder takes a cursor over exactly the column's data and the number of rows and gives one
value a row, None where it is absent.
"""

import uuid

import zstandard

from . import templates
from .bits import Cursor
from .record import BY_ID, KIND_FIELD, METADATA, RECORD_BYTES_MAX, TERM_FIELDS, read_text

RECORDED_AT, OCCURRED_AT, SCHEMA, PAYLOAD = 0xF0, 0xF1, 0xF2, 0xF3
SCALES = (0, 3, 6, 9)
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_WINDOW_MAX = 1 << 23


def inflate(cursor, stored, compression, raw_length, at, plain_rule, rule):
    """The raw bytes of a block: one standard zstd frame without a dictionary, or as stored.

    `plain_rule` is broken by bytes that are not compressed, `rule` by a zstd frame."""
    if compression == 0:
        if len(stored) != raw_length:
            raise cursor.fail(f"{len(stored)} bytes stored uncompressed, expected {raw_length}", plain_rule, at)
        return bytes(stored)
    if compression != 1:
        raise cursor.fail(f"compression {compression} does not exist", plain_rule, at)
    stored = bytes(stored)
    try:
        if stored[:4] != ZSTD_MAGIC:
            raise cursor.fail("not a zstd frame", rule, at)
        parameters = zstandard.get_frame_parameters(stored)
        known = parameters.content_size != zstandard.CONTENTSIZE_UNKNOWN
        if parameters.dict_id or (known and parameters.content_size != raw_length):
            raise cursor.fail(f"zstd frame with a dictionary or not of {raw_length} bytes", rule, at)
        raw = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_MAX).decompress(
            stored, max_output_size=raw_length, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise cursor.fail(f"zstd refuses the block: {error}", rule, at) from None
    if len(raw) != raw_length:
        raise cursor.fail(f"{len(raw)} bytes after decompression, expected {raw_length}", rule, at)
    return raw


def minimal(cursor, base, width, deltas, what):
    """[FRM-5] The base is the minimum and the width the smallest that holds the rest."""
    if min(deltas) != 0:
        raise cursor.fail(f"{what}: base {base} is not the minimum", "FRM-5", 0)
    if width != max(deltas).bit_length():
        raise cursor.fail(f"{what}: width {width} is not the smallest, {max(deltas).bit_length()}", "FRM-5", 0)


def integers(cursor, rows, base, width, limit, what):
    if width > limit.bit_length():
        raise cursor.fail(f"{what}: width {width} is above {limit.bit_length()}", "FRM-5")
    deltas = cursor.packed(rows, width, what)
    minimal(cursor, base, width, deltas, what)
    values = [base + delta for delta in deltas]
    if max(values) > limit:
        raise cursor.fail(f"{what}: a value is above {limit}", "FRM-5")
    return values


def codes(cursor, rows):
    base, width = cursor.u8("base"), cursor.u8("width")
    return [value or None for value in integers(cursor, rows, base, width, 0xFF, "codes")]


def times(cursor, rows):
    base, scale, width = cursor.i64("base"), cursor.u8("scale"), cursor.u8("width")
    if scale not in SCALES:
        raise cursor.fail(f"scale {scale} is not 0, 3, 6 or 9", "FRM-5", 8)
    units = cursor.packed(rows, width, "times")
    minimal(cursor, base, width, units, "times")
    if any(larger > scale and all(unit % 10 ** (larger - scale) == 0 for unit in units) for larger in SCALES):
        raise cursor.fail(f"scale {scale} is not the largest that divides every difference", "FRM-5", 8)
    values = [base + unit * 10 ** scale for unit in units]
    if max(values) >= 1 << 63:
        raise cursor.fail("a time does not fit i64", "FRM-5")
    return values


def terms(cursor, rows, known):
    base, width = cursor.u32("base"), cursor.u8("width")
    values = integers(cursor, rows, base, width, 0xFFFFFFFF, "terms")
    if max(values) > len(known):
        raise cursor.fail(f"ordinal {max(values) - 1}, but term pages so far hold {len(known)} terms", "SEG-8")
    for value in values:
        if value and known[value - 1] is None:
            raise cursor.fail(f"ordinal {value - 1}, whose term is void", "SEG-8")
    return [known[value - 1] if value else None for value in values]


def present_rows(cursor, rows):
    """Which rows have a value: all of them, or a bitmap with at least one row absent."""
    every = cursor.u8("all")
    if every > 1:
        raise cursor.fail(f"all is {every}, expected 0 or 1", "FRM-12", 0)
    if every:
        return list(range(rows))
    bits = int.from_bytes(cursor.take(16, "presence"), "little")
    present = [row for row in range(rows) if bits >> row & 1]
    if bits >> rows or len(present) in (0, rows):
        raise cursor.fail("presence has bits above the rows, or none or all of them", "FRM-12", 1)
    return present


def spread(rows, present, values):
    out = [None] * rows
    for row, value in zip(present, values):
        out[row] = value
    return out


def uuids(cursor, rows):
    present = present_rows(cursor, rows)
    return spread(rows, present, [uuid_text(cursor.take(16, "uuid")) for _ in present])


def uuid_text(data):
    return str(uuid.UUID(bytes=bytes(data)))


def shared_uuids(cursor, rows):
    distinct = cursor.u8("distinct")
    if not 1 <= distinct <= 128:
        raise cursor.fail(f"{distinct} distinct uuids, expected 1 to 128", "FRM-12", 0)
    values = [uuid_text(cursor.take(16, "uuid")) for _ in range(distinct)]
    width = cursor.u8("width")
    if len(set(values)) != distinct:
        raise cursor.fail("uuids are not distinct", "FRM-12")
    if width != distinct.bit_length():
        raise cursor.fail(f"width {width} is not the smallest", "FRM-5")
    out = cursor.packed(rows, width, "uuid codes")
    used = list(dict.fromkeys(code for code in out if code))
    if used != list(range(1, distinct + 1)):
        raise cursor.fail("uuids are not numbered in order of first use", "FRM-12")
    return [values[code - 1] if code else None for code in out]


def timed_uuids(cursor, rows):
    present = present_rows(cursor, rows)
    start, base, width = cursor.at, cursor.i64("base"), cursor.u8("width")
    deltas = cursor.packed(len(present), width, "milliseconds")
    minimal(cursor, base, width, deltas, "milliseconds")
    if base < 0 or base + max(deltas) >= 1 << 48:
        raise cursor.fail("milliseconds do not fit 48 bits", "FRM-12", start)
    values = []
    for delta in deltas:
        tail = bytes(cursor.take(10, "uuid tail"))
        if tail[0] >> 4 != 7 or tail[2] >> 6 != 2:
            raise cursor.fail("not a version-7 uuid", "FRM-12", cursor.at - 10)
        values.append(uuid_text((base + delta).to_bytes(6, "big") + tail))
    return spread(rows, present, values)


def blobs(cursor, rows):
    """Bytes per row, None where the length is zero."""
    width, count = cursor.u8("width"), cursor.u8("blocks")
    if width > 21 or not 1 <= count <= 128:
        raise cursor.fail(f"width {width} is above 21 or block count {count} is not 1 to 128", "FRM-6", 0)
    lengths = cursor.packed(rows, width, "lengths")
    if width != max(lengths).bit_length():
        raise cursor.fail(f"width {width} of lengths is not the smallest", "FRM-5", 0)
    if sum(lengths) > RECORD_BYTES_MAX:
        raise cursor.fail(f"{sum(lengths)} bytes exceed a frame's {RECORD_BYTES_MAX}", "FRM-6")
    table = []
    for _ in range(count):
        at = cursor.at
        first, compression = cursor.u8("first row"), cursor.u8("compression")
        if cursor.u16("reserved"):
            raise cursor.fail("reserved is not zero", "CONV-3", at + 2)
        table.append((at, first, compression, cursor.u32("raw length"), cursor.u32("stored length")))
    firsts = [entry[1] for entry in table]
    if firsts[0] != 0 or sorted(set(firsts)) != firsts or firsts[-1] >= rows:
        raise cursor.fail(f"first rows {firsts} do not ascend from 0", "FRM-6")
    out = []
    for (at, first, compression, raw_length, stored_length), end in zip(table, firsts[1:] + [rows]):
        if raw_length == 0 or raw_length != sum(lengths[first:end]):
            raise cursor.fail(f"raw length {raw_length} is not the rows' {sum(lengths[first:end])}, or zero", "FRM-6", at)
        if compression == 1 and stored_length >= raw_length:
            raise cursor.fail(f"{stored_length} compressed bytes are not fewer than {raw_length}", "FRM-6", at)
        raw = inflate(cursor, cursor.take(stored_length, "block"), compression, raw_length, at, "FRM-6", "FRM-8")
        place = 0
        for row in range(first, end):
            out.append(raw[place:place + lengths[row]] or None)
            place += lengths[row]
    return out


def texts(cursor, rows):
    out = []
    for row, data in enumerate(blobs(cursor, rows)):
        if data is None:
            out.append(None)
            continue
        inner = Cursor(data, f"text of row {row}", cursor.base)
        out.append(read_text(inner))
        inner.done()
    return out


CODED = {KIND_FIELD, SCHEMA} | {field for field, (_, _, kind) in BY_ID.items() if kind == "code"}
LOOSE = {4: uuids, 5: shared_uuids, 6: texts, 8: timed_uuids}


def allowed(field):
    """The encodings a field may have."""
    if field in CODED:
        return {1}
    if field in (RECORDED_AT, OCCURRED_AT):
        return {2}
    if field == PAYLOAD:
        return {7}
    if field == METADATA:
        return {9}
    if field in TERM_FIELDS:
        return {3}
    return set(LOOSE) if field in BY_ID and BY_ID[field][1] == 2 else set()


def decode(field, encoding, cursor, rows, known_terms, used):
    """The values of one column; an entry for a field absent in every row is refused. `used` gets the terms of texts."""
    if encoding not in allowed(field):
        raise cursor.fail(f"field {field:#x} in encoding {encoding}", "FRM-4", 0)
    if encoding == 1:
        values = codes(cursor, rows)
    elif encoding == 2:
        values = times(cursor, rows)
    elif encoding == 3:
        values = terms(cursor, rows, known_terms.get(field, ()))
    elif encoding == 7:
        values = blobs(cursor, rows)
    elif encoding == 9:
        values, terms_used = templates.read(cursor, rows, known_terms.get(field, ()))
        used[field] = terms_used
    else:
        values = LOOSE[encoding](cursor, rows)
    cursor.done()
    if all(value is None for value in values):
        raise cursor.fail(f"field {field:#x} is absent in every row", "FRM-4", 0)
    if field in (KIND_FIELD, SCHEMA) and None in values:
        raise cursor.fail(f"field {field:#x} is absent in a row", "FRM-4", 0)
    return values

"""Segment files: header, blocks, term pages, lookups, footer, trailer (04-segment.md).

    header 128 | block | block | ... | [lookups | footer | trailer 16]

`Segment.walk` goes through the blocks in order and checks everything that needs no other file, the
footer against the blocks included [SEG-5]. Index runs are derived: their CRC is checked, no more.
"""

from . import commitments as com
from .bits import Cursor, Damage, Layout, crc
from .columns import inflate
from .frame import read_frame
from .record import METADATA, TERM_FIELDS, read_text

SEGMENT_HEADER = Layout("SegmentHeader", [
    ("magic", 8), ("version", "u16"), ("suite", "u16"), ("flags", "u32"), ("log_id", 16), ("segment_id", "u64"),
    ("generation", "u32"), ("reserved", "u32"), ("first_seq", "u64"), ("first_frame", "u64"), ("chain_before", 32),
    ("reserved2", 28), ("crc", "u32")], magic=b"INDELSEG")
BLOCK_HEADER = Layout("BlockHeader", [
    ("magic", 4), ("kind", "u8"), ("flags", "u8"), ("reserved", "u16"), ("number", "u64"), ("length", "u32"),
    ("payload_crc", "u32"), ("reserved2", "u32"), ("crc", "u32")], magic=b"IBLK")
TERM_PAGE_HEAD = Layout("TermPageHead", [
    ("version", "u8"), ("compression", "u8"), ("sections", "u16"), ("raw_length", "u32")])
TERM_SECTION = Layout("TermSection", [("field", "u8"), ("reserved", 3), ("first", "u32"), ("count", "u32")])
TRAILER = Layout("SegmentTrailer", [("footer_offset", "u64"), ("crc", "u32"), ("magic", 4)], magic=b"IEND", crc_free=True)
AUTHORITY_HEAD = Layout("AuthorityHead", [("version", "u16"), ("intent", "u64"), ("length", "u32")])
TERMS, FRAME, RUN, LOOKUP, FOOTER, AUTHORITY = 1, 2, 3, 4, 5, 6
VOID = 3
PAYLOAD_MAX, TERM_RAW_MAX, NOTE_MAX = 16 << 20, 1_114_112, 1 << 20


def read_header(data):
    cursor = Cursor(data, "segment header")
    header = SEGMENT_HEADER.read(cursor)
    if header["suite"] != 1:
        raise cursor.fail(f"suite {header['suite']} found, this reader knows 1", "CONV-7", 10)
    if header["flags"] & ~1:
        raise cursor.fail("unknown flags", "CONV-3", 12)
    return header


def read_block(data, offset, end, encrypted):
    """(header, payload) of the block at `offset`, which must end at or before `end`."""
    cursor = Cursor(data[offset:min(end, offset + BLOCK_HEADER.size)], "block", offset)
    head = BLOCK_HEADER.read(cursor)
    if not TERMS <= head["kind"] <= AUTHORITY:
        raise cursor.fail(f"kind {head['kind']} does not exist", "CONV-4", 4)
    if head["flags"] != encrypted:
        raise cursor.fail(f"flags are {head['flags']}, the file's header says {encrypted}", "CONV-3", 5)
    if head["length"] > PAYLOAD_MAX:
        raise cursor.fail(f"payload of {head['length']} bytes exceeds 16 MiB", "SEG-1", 16)
    start = offset + BLOCK_HEADER.size
    if start + head["length"] > end:
        raise cursor.fail(f"payload of {head['length']} bytes goes beyond {end}", "SEG-2", 16)
    payload = data[start:start + head["length"]]
    if crc(payload) != head["payload_crc"]:
        raise Damage(f"CRC of the payload (block kind {head['kind']}, number {head['number']}) is wrong", "block", start, "CONV-5")
    return head, payload


def read_authority(payload, base):
    """(seq of the intent, signed note) of the head under which a file was written again [SEG-21]."""
    cursor = Cursor(payload, "authority block", base)
    head = AUTHORITY_HEAD.read(cursor)
    if not 1 <= head["length"] <= NOTE_MAX:
        raise cursor.fail(f"{head['length']} bytes of note, 1 to {NOTE_MAX} allowed", "SEG-21", 10)
    note = bytes(cursor.take(head["length"], "note"))
    cursor.done("SEG-21")
    try:
        return head["intent"], note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise cursor.fail(f"the note is not UTF-8: {error.reason}", "SEG-21", AUTHORITY_HEAD.size) from None


def read_term_page(payload, base, terms, distinct):
    """Adds the page's terms to `terms` (field -> list) and `distinct` (field -> set); gives its sections (field, first, count)."""
    cursor = Cursor(payload, "term page", base)
    head = TERM_PAGE_HEAD.read(cursor)
    if not head["sections"] or head["raw_length"] > TERM_RAW_MAX:
        raise cursor.fail(f"{head['sections']} sections or {head['raw_length']} raw bytes: beyond the limits", "SEG-4", 2)
    sections = [TERM_SECTION.read(cursor) for _ in range(head["sections"])]
    raw = inflate(cursor, cursor.take(cursor.left), head["compression"], head["raw_length"], cursor.at, "SEG-9", "SEG-10")
    inner, previous, out = Cursor(raw, "terms of a term page", base), -1, []
    for section in sections:
        field, known = section["field"], terms.setdefault(section["field"], [])
        if field not in TERM_FIELDS | {METADATA}:
            raise cursor.fail(f"field {field} has no terms", "SEG-9")
        if field <= previous:
            raise cursor.fail(f"section of field {field} does not ascend", "SEG-4")
        if section["first"] != len(known) or section["count"] == 0:
            raise cursor.fail(f"section of field {field} begins at {section['first']}, expected {len(known)}", "SEG-4")
        if section["count"] > inner.left:
            raise inner.fail(f"{section['count']} terms do not fit {inner.left} bytes", "CONV-5")
        new = [read_term(inner, field) for _ in range(section["count"])]
        seen, texts = distinct.setdefault(field, set()), [text for text in new if text is not None]
        before = len(seen)
        seen.update(texts)
        known.extend(new)
        if len(seen) != before + len(texts):
            raise cursor.fail(f"a term of field {field} appears twice", "SEG-4")
        previous = field
        out.append((field, section["first"], section["count"]))
    inner.done("SEG-9")
    return out


def read_term(cursor, field):
    """A term's text, None where it is void [SEG-11]."""
    if cursor.left and cursor.data[cursor.at] == VOID:
        cursor.u8("void")
        return None
    return read_text(cursor, f"term of field {field}")


def check_lookup(payload, base, number, terms):
    """The ordinals of a lookup, which must sort the field's texts, voids left out."""
    cursor = Cursor(payload, "lookup", base)
    version, field, width, count = cursor.u16(), cursor.u8(), cursor.u8(), cursor.u32()
    if version != 1:
        raise cursor.fail(f"version {version} found, this reader reads 1", "CONV-7", 0)
    known = terms.get(field, [])
    there = [ordinal for ordinal, text in enumerate(known) if text is not None]
    if field != number or count != len(there) or count == 0:
        raise cursor.fail(f"field {field} with {count} ordinals, expected field {number} with {len(there)}", "SEG-6", 2)
    if width != there[-1].bit_length():
        raise cursor.fail(f"width {width} is not the smallest", "SEG-6", 3)
    ordinals = cursor.packed(count, width, "ordinals")
    cursor.done()
    if ordinals != sorted(there, key=lambda ordinal: known[ordinal].encode()):
        raise cursor.fail("ordinals do not sort the texts", "SEG-6", 8)
    return ordinals


def read_trailer(data, at=0):
    """The footer's offset from the trailer's 16 bytes, which stand at `at`."""
    cursor = Cursor(data, "segment trailer", at)
    trailer = TRAILER.read(cursor)
    if trailer["crc"] != crc(data[:8]):
        raise cursor.fail("CRC is wrong", "CONV-5", 8)
    return trailer["footer_offset"]


class Segment:
    """One pass over a segment file. `on_frame(frame, offset)` is called for every frame in order."""

    def __init__(self, data, chain_before, on_frame, unseal=None):
        self.data, self.on_frame, self.unseal = data, on_frame, unseal
        self.header = read_header(data)
        if self.header["chain_before"] != chain_before:
            raise Damage(f"chain_before is {self.header['chain_before'].hex()}, the frames before give {chain_before.hex()}",
                         "segment header", 64, "COM-4")
        self.chain, self.next_seq, self.next_frame = chain_before, self.header["first_seq"], self.header["first_frame"]
        self.terms, self.distinct, self.used = {}, {}, {}
        self.frames, self.pages, self.runs, self.lookups, self.blocks = [], [], [], [], []
        self.leaves, self.ended, self.page_count, self.unsealed = [], False, 0, True
        self.authority = None       # (seq of the intent, signed note) of a file that was written again
        self.frame_at = SEGMENT_HEADER.size     # where the last frame ends: what a torn tail leaves

    def walk(self, whole):
        """Reads every block. `whole`: the file must end with lookups, footer and trailer [SEG-7];
        otherwise the damage that ended the walk is returned, or None at a clean end."""
        data, at, end = self.data, SEGMENT_HEADER.size, len(self.data)
        footer_offset = None
        if whole or data[-4:] == TRAILER.magic:
            try:
                footer_offset = self.read_trailer()
                end -= TRAILER.size
            except Damage:
                if whole:
                    raise
        while at < end:
            try:
                head, payload = read_block(data, at, end, self.header["flags"])
            except Damage as damage:
                if whole:
                    raise
                return damage
            self.block(head, payload, at)
            if footer_offset is not None and (head["kind"] == FOOTER) != (at == footer_offset):
                raise Damage(f"trailer says the footer is at {footer_offset}", "segment trailer", end, "SEG-7")
            at += BLOCK_HEADER.size + head["length"]
        if whole and not self.ended:
            raise Damage("no footer", "segment", end, "SEG-7")
        return None

    def read_trailer(self):
        at = len(self.data) - TRAILER.size
        if at < SEGMENT_HEADER.size:
            raise Damage("file is too short for a trailer", "segment trailer", 0, "SEG-7")
        return read_trailer(self.data[at:], at)

    def open(self, head, payload, first_seq, count):
        """The plaintext of a payload, or None where it is sealed and there is no key."""
        if not self.header["flags"] & 1:
            return payload
        if self.unseal is None:
            self.unsealed = False
            return None
        return self.unseal(self.header, head["kind"], head["number"], first_seq, count, bytes(payload))

    def block(self, head, payload, at):
        base = at + BLOCK_HEADER.size
        entry = (at, BLOCK_HEADER.size + head["length"])
        kind = head["kind"]
        self.blocks.append({"kind": kind, "number": head["number"], "offset": at})
        if self.ended or (self.lookups and kind < LOOKUP):
            raise Damage(f"block of kind {kind} after lookups or footer", "block", at, "SEG-2")
        if (kind == AUTHORITY) != (len(self.blocks) == 1 and self.header["generation"] > 0):
            raise Damage(f"block of kind {kind} in a file of generation {self.header['generation']}: a file that was written again "
                         "begins with its authority block, and no other has one", "block", at, "SEG-20")
        if kind == FRAME:
            self.frame(head, payload, base, entry)
            return
        plain = self.open(head, payload, self.header["first_seq"], 0)
        if kind == TERMS:
            if head["number"] != self.page_count:
                raise Damage(f"term page {head['number']}, expected {self.page_count}", "block", at + 8, "SEG-2")
            self.page_count += 1
            if plain is not None:
                sections = read_term_page(plain, base, self.terms, self.distinct)
                self.pages += [(field, first, count) + entry for field, first, count in sections]
                if self.header["generation"] == 0 and any(None in self.terms[field][first:] for field, first, _ in sections):
                    raise Damage("a void term in a file of generation 0", "term page", base, "SEG-11")
        elif kind == RUN:
            if head["number"] >= self.next_seq - self.header["first_seq"] or (self.runs and self.runs[-1][2] >= head["number"]):
                raise Damage(f"run at ordinal {head['number']} does not ascend or comes before its frames", "block", at + 8, "SEG-2")
            self.runs.append(entry + (head["number"],))
        elif kind == LOOKUP:
            if self.lookups and self.lookups[-1][2] >= head["number"]:
                raise Damage(f"lookup of field {head['number']} does not ascend", "block", at + 8, "SEG-2")
            if plain is not None:
                check_lookup(plain, base, head["number"], self.terms)
            self.lookups.append(entry + (head["number"],))
        elif kind == AUTHORITY:
            if head["number"] != 0:
                raise Damage(f"authority block has number {head['number']}, expected 0", "block", at + 8, "SEG-20")
            if plain is not None:
                self.authority = read_authority(plain, base)
        else:
            self.end(head, plain, base)

    def frame(self, head, payload, base, entry):
        sealed = bool(self.header["flags"] & 1)
        unseal = None
        if sealed and self.unseal is not None:
            unseal = lambda d, body: self.unseal(self.header, FRAME, d["frame_no"], d["first_seq"], d["count"], body)
        frame = read_frame(payload, base, self.terms, unseal, sealed)
        d = frame.descriptor
        if d["log_id"] != self.header["log_id"]:
            raise Damage("log_id is not the file's", "descriptor", base + 4 + 8, "COM-1")
        if (d["frame_no"], d["first_seq"]) != (self.next_frame, self.next_seq) or head["number"] != d["frame_no"]:
            raise Damage(f"frame {d['frame_no']} at seq {d['first_seq']} (block {head['number']}), expected frame {self.next_frame} "
                         f"at seq {self.next_seq}", "descriptor", base, "COM-3")
        self.leaves.append(com.log_leaf(d["stored"], self.chain))
        self.chain = com.chain_next(d["stored"], self.chain)
        self.frames.append((entry, frame, self.next_seq - self.header["first_seq"], self.leaves[-1]))
        self.next_seq, self.next_frame = self.next_seq + d["count"], self.next_frame + 1
        self.frame_at = entry[0] + entry[1]
        for field, texts in frame.term_uses.items():
            self.used.setdefault(field, set()).update(texts)
        self.on_frame(frame, base)
        # Only the footer's figures are needed from here on, so the records are let go.
        frame.times, frame.entries = frame_times(frame), None

    def end(self, head, plain, base):
        if head["number"] != 0:
            raise Damage(f"footer has number {head['number']}, expected 0", "block", base, "SEG-2")
        self.ended = True
        with_terms = {field for field, texts in self.terms.items() if any(text is not None for text in texts)}
        if self.unsealed and [lookup[2] for lookup in self.lookups] != sorted(with_terms & TERM_FIELDS):
            raise Damage("lookups are not one for each field with terms", "segment", base, "SEG-2")
        if plain is not None:
            from .footer import check_footer
            check_footer(self, plain, base)

    def unused_terms(self):
        """Terms that no row has: allowed, worth a note, because compaction should drop them."""
        return sum(len(set(texts) - self.used.get(field, set()) - {None}) for field, texts in self.terms.items())


def frame_times(frame):
    """(occurred_min, occurred_max, first recorded, last recorded) of the rows that are no stubs, in ns; None without any."""
    if frame.entries is None:
        return None
    rows = [e for e in frame.entries if e.state == "kept" and not e.is_stub()]
    occurred = [e.values[0]["occurred_at"] for e in rows]
    recorded = [e.recorded_at for e in rows] or [None]
    return min(occurred, default=None), max(occurred, default=None), recorded[0], recorded[-1]

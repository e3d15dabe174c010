"""A tiny writer of records, term pages and frames, straight from the prose: only for tests."""

import struct

import zstandard

from indelible_reader import commitments as com
from indelible_reader.bits import varint
from indelible_reader.columns import OCCURRED_AT, PAYLOAD, RECORDED_AT, SCHEMA
from indelible_reader.frame import BODY_HEAD, COLUMN_ENTRY
from indelible_reader.record import FIELDS, TERM_FIELDS, encode_group, write_text
from indelible_reader.segment import TERM_PAGE_HEAD, TERM_SECTION

LOG_ID = bytes(range(1, 17))
UUID_A = "01890a5d-ac96-774b-bcce-b302099a8057"
UUID_B = "01890a5d-ac97-774b-bcce-b302099a8058"
BASE_TIME = 1_700_000_000_000_000_000


def pack(values, width):
    bits = sum(value << (index * width) for index, value in enumerate(values))
    return bits.to_bytes((len(values) * width + 7) // 8, "little")


def based(values, form):
    base = min(values)
    width = (max(values) - base).bit_length()
    return struct.pack("<" + form + "B", base, width) + pack([v - base for v in values], width)


def time_column(values):
    base = min(values)
    scale = max(s for s in (0, 3, 6, 9) if all((v - base) % 10 ** s == 0 for v in values))
    units = [(v - base) // 10 ** scale for v in values]
    width = max(units).bit_length()
    return struct.pack("<qBB", base, scale, width) + pack(units, width)


def blob_column(rows, compress=True, split=2):
    lengths = [len(row) for row in rows]
    width = max(lengths).bit_length()
    table, data = b"", b""
    firsts = [first for first in range(0, len(rows), split)]
    firsts = [f for f in firsts if any(lengths[f:f + split])] or [0]
    firsts[0] = 0
    for first, end in zip(firsts, firsts[1:] + [len(rows)]):
        raw = b"".join(rows[first:end])
        packed = zstandard.ZstdCompressor().compress(raw) if compress else raw
        stored = min(packed, raw, key=len)
        table += struct.pack("<BBHII", first, int(stored is not raw), 0, len(raw), len(stored))
        data += stored
    return bytes((width, len(firsts))) + pack(lengths, width) + table + data


def uuid_column(rows, encoding):
    raw = [bytes.fromhex(row.replace("-", "")) if row else None for row in rows]
    present = [r for r in raw if r]
    head = b"\1" if len(present) == len(rows) else b"\0" + sum(1 << i for i, r in enumerate(raw) if r).to_bytes(16, "little")
    if encoding == 4:
        return head + b"".join(present)
    if encoding == 8:
        return head + based([int.from_bytes(r[:6], "big") for r in present], "q") + b"".join(r[6:] for r in present)
    distinct = list(dict.fromkeys(present))
    width = len(distinct).bit_length()
    return (bytes((len(distinct),)) + b"".join(distinct) + bytes((width,))
            + pack([distinct.index(r) + 1 if r else 0 for r in raw], width))


def event(seq, klass=1, **fields):
    """A record as (class, recorded_at, values of four groups)."""
    groups = [{"kind": 1, "schema": 1, "occurred_at": BASE_TIME + seq * 1_000_000_000 - 500}, {}, {}, {}]
    named = {"workspace": "acme", "action": "document.publish", "severity": 1, "outcome": 1, "actor_type": 1, "target_type": "document",
             "actor_id": f"u-{seq % 3}", "target_id": UUID_A, "event_id": UUID_A[:-4] + f"{seq:04x}",
             "metadata": '{"n":%d}' % seq} | fields
    for _, name, group, _, _ in FIELDS:
        if named.get(name) is not None:
            groups[group][name] = named[name]
    return klass, BASE_TIME + seq * 1_000_000_000, groups


def system(kind, name, body, log_id, seq=0):
    text = "-".join(log_id.hex()[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    klass, recorded_at, groups = event(seq, 0)
    groups[0] = {"kind": kind, "schema": 1, "occurred_at": recorded_at, "action": f"log.{name}", "actor_type": 3, "target_type": "log"}
    groups[1] = {"actor_id": "indelible", "target_id": text}
    groups[2], groups[3] = {}, {"metadata": body}
    return klass, recorded_at, groups


class Terms:
    """Ordinals of a segment's terms; `page` writes those that are new."""

    def __init__(self):
        self.known, self.written = {}, {}

    def ordinal(self, field, text):
        known = self.known.setdefault(field, [])
        if text not in known:
            known.append(text)
        return known.index(text)

    def page(self, compress=True):
        sections, data = b"", b""
        count = 0
        for field in sorted(self.known):
            first = self.written.get(field, 0)
            new = self.known[field][first:]
            if new:
                count += 1
                sections += TERM_SECTION.write(field=field, first=first, count=len(new))
                data += b"".join(write_text(text) for text in new)
                self.written[field] = len(self.known[field])
        stored = zstandard.ZstdCompressor().compress(data) if compress else data
        return TERM_PAGE_HEAD.write(version=1, compression=int(compress), sections=count, raw_length=len(data)) + sections + stored


def columns_of(rows, terms, erased, encodings):
    """The directory and data of the rows; `erased` holds (row, group)."""
    out = {26: (1, based([r[2][0]["kind"] for r in rows], "B")), SCHEMA: (1, based([1] * len(rows), "B")),
           RECORDED_AT: (2, time_column([r[1] for r in rows])), OCCURRED_AT: (2, time_column([r[2][0]["occurred_at"] for r in rows]))}
    for field, name, group, _, kind in FIELDS:
        values = [None if (i, group) in erased else r[2][group].get(name) for i, r in enumerate(rows)]
        if group == 3 or all(v is None for v in values):
            continue
        if kind == "code":
            out[field] = 1, based([v or 0 for v in values], "B")
        elif field in TERM_FIELDS:
            out[field] = 3, based([0 if v is None else terms.ordinal(field, v) + 1 for v in values], "I")
        elif encodings.get(field, 4) == 6:
            out[field] = 6, blob_column([b"" if v is None else write_text(v) for v in values])
        else:
            out[field] = encodings.get(field, 4), uuid_column(values, encodings.get(field, 4))
    payloads = [b"" if (i, 3) in erased else encode_group(3, r[2][3]) for i, r in enumerate(rows)]
    if any(payloads):
        out[PAYLOAD] = 7, blob_column(payloads)
    entries = sorted(out.items())
    directory = b"".join(COLUMN_ENTRY.write(field=f, encoding=e, length=len(d)) for f, (e, d) in entries)
    return len(entries), directory + b"".join(d for _, (_, d) in entries)


def removal_section(table, hashes, leaves, salt_key, removed):
    """`removed`: (class, group) -> ranks removed."""
    out = b""
    for klass, ranks in table.items():
        for k in range(4):
            gone = removed.get((klass, k), set())
            key = com.class_key(salt_key, klass, k)
            if not gone:
                out += b"\1" + key
            elif len(gone) == len(ranks):
                out += b"\2" + com.class_tree([(leaves if k == 0 else hashes)[p, k] for p in ranks])
            else:
                out += b"\3" + sum(1 << r for r in gone).to_bytes(16, "little")
                for rank, (p, record) in enumerate(ranks.items()):
                    if rank not in gone:
                        out += com.salt(key, rank)
                    else:
                        out += hashes[p, k]
                        if k == 0:
                            out += struct.pack("<qq", record[1], record[2][0]["occurred_at"] // com.NS)
    return out


def frame(records, first_seq=0, frame_no=0, terms=None, removed=None, encodings=None, log_id=LOG_ID, seal=None, break_root=False):
    """(stored descriptor, payload). `removed`: (class, group) -> set of ranks."""
    terms, removed, salt_key = terms if terms is not None else Terms(), removed or {}, bytes([7 + frame_no]) * 32
    table = {}
    for position, record in enumerate(records):
        table.setdefault(record[0], {})[position] = record
    table = dict(sorted(table.items()))
    hashes, leaves, erased_positions = {}, {}, set()
    for klass, ranks in table.items():
        for rank, (p, record) in enumerate(ranks.items()):
            for k in range(4):
                salt = com.salt(com.class_key(salt_key, klass, k), rank)
                hashes[p, k] = com.group_hash(salt, k, encode_group(k, record[2][k]))
                if rank in removed.get((klass, k), ()):
                    erased_positions.add((p, k))
            leaves[p, 0] = com.leaf(first_seq + p, record[1], record[2][0]["occurred_at"] // com.NS, klass, hashes[p, 0])
    roots = [com.class_tree([(leaves if k == 0 else hashes)[p, k] for p in ranks]) for ranks in table.values() for k in range(4)]
    root = com.frame_root(roots) if not break_root else bytes(32)
    stored = com.DESCRIPTOR_HEAD.write(suite=1, classes=len(table), schema=1, count=len(records), log_id=log_id, frame_no=frame_no,
                                       first_seq=first_seq, schedule_version=1, frame_root=root)
    for klass, ranks in table.items():
        recorded = [r[1] // com.NS for r in ranks.values()]
        stored += com.CLASS_ENTRY.write(**{"class": klass}, count=len(ranks), positions=sum(1 << p for p in ranks).to_bytes(16, "little"),
                                        recorded_min=min(recorded), recorded_max=max(recorded),
                                        occurred_max=max(r[2][0]["occurred_at"] // com.NS for r in ranks.values()))
    rows = [(p, r) for p, r in enumerate(records) if (p, 0) not in erased_positions]
    erased = {(i, k) for i, (p, _) in enumerate(rows) for k in range(4) if (p, k) in erased_positions}
    count, data = columns_of([r for _, r in rows], terms, erased, encodings or {}) if rows else (0, b"")
    salts = removal_section(table, hashes, leaves, salt_key, removed) if removed else salt_key
    state = int(bool(removed))
    if not rows:
        state, salts = 2, b""
    body = BODY_HEAD.write(state=state, columns=count, salts_length=len(salts)) + salts + data
    return stored, struct.pack("<I", len(stored)) + stored + (seal(body) if seal else body)


def transit(record):
    groups = [encode_group(k, record[2][k]) for k in range(4)]
    return struct.pack("<qH", record[1], record[0]) + b"".join(varint(len(g)) for g in groups) + b"".join(groups)

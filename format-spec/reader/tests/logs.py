"""A tiny writer of whole log directories, straight from the prose: only for tests."""

import base64
import hashlib
import json
import os
import struct

from indelible_reader import checkpoint as chk, commitments as com, ed25519 as ed, footer as ft, journal as jnl, manifest as man, segment as seg
from indelible_reader.bits import crc

from .frames import LOG_ID, Terms, event, frame, pack, system, transit

ORIGIN = "example.com/log"
SEED = bytes(range(32))


def secret(seed):
    h = hashlib.sha512(seed).digest()
    return (int.from_bytes(h[:32], "little") & ((1 << 254) - 8)) | 1 << 254, h[32:]


def compress(point):
    inverse = pow(point[2], ed.P - 2, ed.P)
    x, y = point[0] * inverse % ed.P, point[1] * inverse % ed.P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def public_key(seed=SEED):
    return compress(ed.times(secret(seed)[0], ed.BASE))


def sign(message, seed=SEED):
    a, prefix = secret(seed)
    number = lambda data: int.from_bytes(hashlib.sha512(data).digest(), "little") % ed.L
    r = number(prefix + message)
    point = compress(ed.times(r, ed.BASE))
    return point + ((r + number(point + public_key(seed) + message) * a) % ed.L).to_bytes(32, "little")


PUBLIC = public_key()
VKEY = f"{ORIGIN}+{chk.key_id(ORIGIN, PUBLIC).hex()}+{base64.b64encode(bytes((1,)) + PUBLIC).decode()}"


def note(size, root, extra=""):
    text = f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"
    line = base64.b64encode(chk.key_id(ORIGIN, PUBLIC) + sign(text.encode())).decode()
    return f"{text}\n\u2014 {ORIGIN} {line}\n{extra}".encode()


def genesis():
    text = "-".join(LOG_ID.hex()[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    return system(2, "genesis", json.dumps({"log_id": text, "origin": ORIGIN, "key": VKEY, "format_version": 1}, separators=(",", ":")), LOG_ID)


def block(kind, number, payload, flags=0):
    return seg.BLOCK_HEADER.write(kind=kind, flags=flags, number=number, length=len(payload), payload_crc=crc(payload)) + payload


class SegmentWriter:
    def __init__(self, segment_id, first_seq, first_frame, chain):
        self.id, self.first_seq, self.first_frame, self.chain_before = segment_id, first_seq, first_frame, chain
        self.data = seg.SEGMENT_HEADER.write(suite=1, log_id=LOG_ID, segment_id=segment_id, first_seq=first_seq, first_frame=first_frame, chain_before=chain)
        self.terms, self.chain, self.seq, self.no = Terms(), chain, first_seq, first_frame
        self.frames, self.pages, self.leaves, self.times, self.page_no = b"", [], [], [], 0

    def frame(self, records, **options):
        stored, payload = frame(records, self.seq, self.no, self.terms, **options)
        before = dict(self.terms.written)
        at, page = len(self.data), block(seg.TERMS, self.page_no, self.terms.page())
        new = [(f, before.get(f, 0), n - before.get(f, 0)) for f, n in self.terms.written.items() if n > before.get(f, 0)]
        if new:
            self.pages += [entry + (at, len(page)) for entry in new]
            self.data += page
            self.page_no += 1
        at, whole = len(self.data), block(seg.FRAME, self.no, payload)
        self.data += whole
        self.leaves.append(com.log_leaf(stored, self.chain))
        gone, seen, occurred, recorded = options.get("removed") or {}, {}, [], []
        for record in records:
            rank = seen[record[0]] = seen.get(record[0], -1) + 1
            if not all(rank in gone.get((record[0], k), ()) for k in (1, 2, 3)):     # not removed, not a stub row
                occurred.append(record[2][0]["occurred_at"])
                recorded.append(record[1])
        occurred, recorded = occurred or [0], recorded or [0]
        self.times.append((min(occurred), max(occurred), recorded[0], recorded[-1]))
        self.frames += ft.FRAME_ENTRY.write(offset=at, length=len(whole), first_ordinal=self.seq - self.first_seq, occurred_min=min(occurred),
                                            occurred_max=max(occurred), recorded_first=recorded[0], leaf_hash=self.leaves[-1])
        self.chain, self.seq, self.no = com.chain_next(stored, self.chain), self.seq + len(records), self.no + 1

    def summary(self):
        t = self.times
        if not t:
            return (0, 0, 0, 0)
        rows, known = [x for x in t if x[0]], [x for x in t if x[2]]
        return min(x[0] for x in rows), max(x[1] for x in rows), known[0][2], known[-1][3]

    def close(self):
        lookups = b""
        count = 0
        for field, texts in sorted(self.terms.known.items()):
            order = sorted(range(len(texts)), key=lambda i: texts[i].encode())
            width = (len(texts) - 1).bit_length()
            payload = struct.pack("<HBBI", 1, field, width, len(texts)) + pack(order, width)
            whole = block(seg.LOOKUP, field, payload)
            lookups += ft.BLOCK_ENTRY.write(offset=len(self.data), length=len(whole), number=field)
            self.data += whole
            count += 1
        pages = b"".join(ft.PAGE_ENTRY.write(offset=o, length=n, first=f, count=c, field=field) for field, f, c, o, n in sorted(self.pages))
        names = dict(zip(man.TIMES, self.summary()))
        head = ft.FOOTER_HEAD.write(frames=self.no - self.first_frame, pages=len(self.pages), lookups=count, records=self.seq - self.first_seq,
                                    chain_after=self.chain, **names)
        at = struct.pack("<Q", len(self.data))
        self.data += block(seg.FOOTER, 0, head + self.frames + pages + lookups) + at + struct.pack("<I", crc(at)) + b"IEND"
        return self

    def entry(self, state, ended=True):
        values = (self.seq - self.first_seq, self.no - self.first_frame, len(self.data)) + self.summary() if ended else (0,) * 7
        return (struct.pack("<QIBQQQQQqqqq", self.id, 0, state, self.first_seq, self.first_frame, *values)
                + self.chain_before + (self.chain if ended else bytes(32)))


class JournalWriter:
    def __init__(self, file_no, first_seq, incarnation=1, previous_crc=0):
        self.data = jnl.JOURNAL_HEADER.write(log_id=LOG_ID, incarnation=incarnation, file_no=file_no, first_seq=first_seq)
        self.no, self.seq, self.incarnation, self.previous = file_no, first_seq, incarnation, previous_crc

    def group(self, records, framed_to=0, kind=jnl.RECORDS):
        payload = b"".join(map(transit, records))
        head = jnl.GROUP_HEADER.write(kind=kind, log_id=LOG_ID, incarnation=self.incarnation, first_seq=self.seq, count=len(records),
                                      length=len(payload), previous_crc=self.previous, payload_crc=crc(payload), durable_to=self.seq, framed_to=framed_to)
        self.data, self.seq, self.previous = self.data + head + payload, self.seq + len(records), struct.unpack("<I", head[-4:])[0]
        return self

    def close(self, framed_to):
        return self.group([], framed_to, jnl.CLOSE_MARK)


def manifest(entries, closed=None, journal_first=1, incarnation=1, next_segment=9):
    body = LOG_ID
    for text in (ORIGIN, VKEY):
        body += struct.pack("<Q", len(text)) + text.encode()
    body += struct.pack("<qBQQ", 1, 0, 3, incarnation)
    body += b"\0" if closed is None else b"\1" + struct.pack("<4Q", *closed)
    body += struct.pack("<QQQ", journal_first, next_segment, len(entries)) + b"".join(entries)
    return man.MANIFEST_HEAD.write(length=len(body), body_crc=crc(body)) + body


def write(path, files):
    for name, data in files.items():
        place = os.path.join(path, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(data)


def small_log(closed=True):
    """File name -> bytes: two segments, three frames, ten records, the last two in the journal alone."""
    records = [genesis()] + [event(n, klass=1 + n % 2, reason="because" if n == 3 else None) for n in range(1, 10)]
    one = SegmentWriter(1, 0, 0, com.genesis_chain(LOG_ID, ORIGIN, VKEY))
    one.frame(records[:3])
    one.frame(records[3:6])
    one.close()
    two = SegmentWriter(2, 6, 2, one.chain)
    two.frame(records[6:8], encodings={15: 8})
    journal = JournalWriter(1, 6).group(records[6:8], 2).group(records[8:9], 3).group(records[9:], 3)
    if closed:
        two.close()
        journal.close(3)
    leaves = one.leaves + two.leaves
    state = (1, len(journal.data), 10, 3) if closed else None
    names = ("segments/0000000000000001-00000000.seg", "segments/0000000000000002-00000000.seg", "journal/0000000000000001.jnl")
    return dict(zip(names, (one.data, two.data, journal.data))) | {
        "MANIFEST": manifest([one.entry(man.SEALED), two.entry(man.ACTIVE, closed)], state), "log.pub": VKEY.encode() + b"\n",
        "checkpoint": note(2, com.log_root(leaves[:2])), "lock": b""}

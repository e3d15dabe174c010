"""What is hashed: salts, groups, leaves, class trees, class table, descriptor, chain, log tree (02-commitments.md).

Invariant: hashes cover salted plaintext, so nothing here knows columns, compression or encryption.
"""

import hashlib
import struct

from blake3 import blake3

from .bits import Cursor, Layout

POSITIONS_MAX = 128
CLASS_ENTRY = Layout("ClassEntry", [
    ("class", "u16"), ("count", "u16"), ("positions", 16), ("recorded_min", "i64"), ("recorded_max", "i64"),
    ("occurred_max", "i64")])
DESCRIPTOR_HEAD = Layout("DescriptorHead", [
    ("version", "u16"), ("suite", "u16"), ("classes", "u8"), ("schema", "u8"), ("count", "u16"), ("log_id", 16),
    ("frame_no", "u64"), ("first_seq", "u64"), ("schedule_version", "u32"), ("key_epoch", "u32"),
    ("lost_events", "u64"), ("frame_root", 32), ("index_hash", 32)])
NS = 1_000_000_000


def b3(purpose, data):
    """BLAKE3 derive-key over the data padded with zeros to whole blocks of 64 bytes."""
    padded = data + bytes(-len(data) % 64 if data else 64)
    return blake3(padded, derive_key_context=f"indelible 2026-11 {purpose} v1").digest()


def class_key(frame_salt_key, klass, group):
    return b3("salt-key", frame_salt_key + struct.pack("<HB", klass, group))


def salt(key, rank):
    return b3("salt", key + struct.pack("<I", rank))[:16]


def group_hash(salt16, group, data):
    return b3("group", salt16 + struct.pack("<BBBBI", group, 0, 0, 0, len(data)) + data)


def leaf(seq, recorded_at, occurred_s, klass, envelope_hash):
    return b3("leaf", struct.pack("<QqqH", seq, recorded_at, occurred_s, klass) + bytes(3) + envelope_hash)


def tree(hashes, node):
    """RFC 6962 shape over at least one hash.

    A stack of (size, hash) holds the perfect subtrees from the left; folding what stays from the
    right gives each left part the largest power of two smaller than its tree.
    """
    stack = []
    for item in hashes:
        size = 1
        while stack and stack[-1][0] == size:
            size, item = 2 * size, node(stack.pop()[1], item)
        stack.append((size, item))
    root = stack.pop()[1]
    while stack:
        root = node(stack.pop()[1], root)
    return root


def class_tree(hashes):
    return tree(hashes, lambda left, right: b3("node", left + right))


def frame_root(roots):
    """`roots`: T[c,0..3] of every class, ascending, one after the other."""
    return b3("frame", b"".join(roots))


def genesis_chain(log_id, origin, key, version=1):
    origin, key = origin.encode(), key.encode()
    return b3("genesis", log_id + struct.pack("<HH", version, 0) + struct.pack("<I", len(origin)) + origin
              + struct.pack("<I", len(key)) + key)


def chain_next(stored_descriptor, chain_before):
    return b3("chain", stored_descriptor + chain_before)


def log_leaf(stored_descriptor, chain_before):
    return hashlib.sha256(b"\0" + stored_descriptor + chain_before).digest()


def log_root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    return tree(leaves, lambda left, right: hashlib.sha256(b"\1" + left + right).digest())


def read_class_table(cursor, classes, count):
    """Entries as dicts; `positions` becomes the ascending list of positions."""
    entries, seen = [], 0
    for _ in range(classes):
        start = cursor.at
        entry = CLASS_ENTRY.read(cursor)
        bits = int.from_bytes(entry["positions"], "little")
        if entries and entries[-1]["class"] >= entry["class"]:
            raise cursor.fail(f"class {entry['class']} does not ascend", "COM-2", start)
        if bits & seen:
            raise cursor.fail(f"class {entry['class']} shares positions with another", "COM-2", start + 4)
        entry["positions"] = [p for p in range(POSITIONS_MAX) if bits >> p & 1]
        if entry["count"] != len(entry["positions"]) or entry["count"] == 0:
            raise cursor.fail(f"count {entry['count']} is not the bitmap's {len(entry['positions'])}", "COM-2", start + 2)
        seen |= bits
        entries.append(entry)
    if seen != (1 << count) - 1:
        raise cursor.fail(f"the classes do not cover exactly positions 0 to {count - 1}", "COM-2")
    return entries


def read_descriptor(data, base=0):
    """A stored descriptor: its head as a dict with `table`, and `stored`, its bytes."""
    cursor = Cursor(data, "descriptor", base)
    head = DESCRIPTOR_HEAD.read(cursor)
    if head["suite"] != 1:
        raise cursor.fail(f"suite {head['suite']} found, this reader knows 1", "COM-1", 2)
    if head["schema"] != 1:
        raise cursor.fail(f"record schema {head['schema']} found, this reader reads 1", "CONV-7", 5)
    if not 1 <= head["count"] <= POSITIONS_MAX or not 1 <= head["classes"] <= POSITIONS_MAX:
        raise cursor.fail(f"count {head['count']} or classes {head['classes']} is not within 1 to 128", "COM-2", 4)
    if len(data) != DESCRIPTOR_HEAD.size + head["classes"] * CLASS_ENTRY.size:
        raise cursor.fail(f"{len(data)} bytes for {head['classes']} classes", "COM-1", 4)
    head["table"] = read_class_table(cursor, head["classes"], head["count"])
    head["stored"] = bytes(data)
    return head

"""A frame block's payload: descriptor, salts or removal section, columns (05-frame.md).

    D u32 | stored descriptor | body (sealed in an encrypted file)
    body: version, state, columns, salts_length | salts part | directory | column data

`read_frame` decodes, rebuilds the canonical bytes of every kept group and recomputes the frame root
from them and from the roots and stubs of what was removed [COM-4, COM-6, FRM-7].
"""

from dataclasses import dataclass, field

from . import columns, commitments as com
from .bits import Cursor, Damage, Layout
from .record import FIELDS, KIND_FIELD, METADATA, RECORD_BYTES_MAX, TERM_FIELDS, check_head, decode_group, encode_group
from .system import check_rules

BODY_HEAD = Layout("BodyHead", [("version", "u8"), ("state", "u8"), ("columns", "u16"), ("salts_length", "u32")])
COLUMN_ENTRY = Layout("ColumnEntry", [("field", "u8"), ("encoding", "u8"), ("reserved", "u16"), ("length", "u32")])
WHOLE, REMOVED, PARTLY = 1, 2, 3     # states of a (class, group)
EXPIRED = 2                          # state of a body of which everything is removed


@dataclass
class Entry:
    """One position of a frame. `groups` has canonical bytes, None where the group is gone."""
    seq: int
    klass: int
    rank: int
    state: str = "kept"                 # kept, removed (a stub is left), expired (nothing is left)
    recorded_at: int | None = None      # ns, None where expired
    occurred_s: int | None = None       # seconds, None where expired
    groups: list = field(default_factory=lambda: [None] * 4)
    values: list = field(default_factory=lambda: [None] * 4)

    def is_stub(self):
        """A row of which only the envelope is left, as evidence: gone for queries [FRM-16]."""
        return self.state == "kept" and self.groups[1:] == [None] * 3


@dataclass
class Frame:
    descriptor: dict
    entries: list | None                # None: the body is sealed and no key was given
    pruned: bool = False
    term_uses: dict = field(default_factory=dict)   # field -> set of terms


class Whole:
    """Removal state of one (class, group) of which nothing is gone."""

    def __init__(self, key):
        self.key, self.root, self.stubs = key, None, {}

    def salt(self, rank):
        return com.salt(self.key, rank)


class Gone:
    """Removed altogether: only the root of its tree is left."""

    def __init__(self, root, count):
        self.root, self.stubs = root, {rank: None for rank in range(count)}


class Partly:
    """Some ranks have a stub, the others their salt spelled out."""

    def __init__(self, stubs, salts):
        self.root, self.stubs, self.salts = None, stubs, salts

    def salt(self, rank):
        return self.salts[rank]


def read_partly(cursor, group, count):
    start, bits = cursor.at, int.from_bytes(cursor.take(16, "removed ranks"), "little")
    if bits >> count or bits == 0 or bits == (1 << count) - 1:
        raise cursor.fail("partly removed needs a rank removed and one kept, and no bits above the count", "FRM-2", start)
    stubs, salts = {}, {}
    for rank in range(count):
        if not bits >> rank & 1:
            salts[rank] = bytes(cursor.take(16, "salt"))
        elif group == 0:
            stubs[rank] = (bytes(cursor.take(32, "stub")), cursor.i64("recorded-at"), cursor.i64("occurred-at"))
        else:
            stubs[rank] = bytes(cursor.take(32, "stub"))
    return Partly(stubs, salts)


def read_removal(data, base, table):
    """Per class of the table: four removal states."""
    cursor, out, anything = Cursor(data, "removal section", base), [], False
    for entry in table:
        states, count = [], entry["count"]
        for group in range(4):
            state = cursor.u8("state")
            if state == WHOLE:
                states.append(Whole(bytes(cursor.take(32, "class key"))))
            elif state == REMOVED:
                states.append(Gone(bytes(cursor.take(32, "root")), count))
            elif state == PARTLY:
                states.append(read_partly(cursor, group, count))
            else:
                raise cursor.fail(f"state {state} does not exist", "FRM-2", cursor.at - 1)
            if states[0].stubs.keys() - states[group].stubs.keys():
                raise cursor.fail(f"class {entry['class']}: group {group} kept where group 0 is removed", "FRM-1")
            anything = anything or bool(states[group].stubs)
        if entry["class"] == 0 and any(state.stubs for state in states):
            raise cursor.fail("class 0 is permanent, yet something of it is removed", "FRM-10")
        out.append(states)
    cursor.done()
    if all(isinstance(four[0], Gone) for four in out):
        raise cursor.fail("everything is removed, so state 2 and no removal section are needed", "FRM-15", 0)
    if not anything:
        raise cursor.fail("a pruned frame has nothing removed", "FRM-3", 0)
    return out


def salts_of(cursor, head, table):
    """The salts part as removal states, whichever of its three forms it has; roots are None where everything is removed."""
    at = cursor.base + cursor.at
    part = bytes(cursor.take(head["salts_length"], "salts part"))
    if head["state"] == 1:
        return read_removal(part, at, table)
    if head["state"] == EXPIRED:
        if part:
            raise cursor.fail("an expired frame has a salts part", "FRM-15", 4)
        if any(entry["class"] == 0 for entry in table):
            raise cursor.fail("class 0 is permanent, yet the frame is expired", "FRM-10", 1)
        return [[Gone(None, entry["count"]) for _ in range(4)] for entry in table]
    if head["state"] != 0:
        raise cursor.fail(f"state {head['state']} does not exist", "FRM-3", 1)
    if len(part) != 32:
        raise cursor.fail(f"salts part of a whole frame has {len(part)} bytes, expected 32", "CONV-4", 4)
    return [[Whole(com.class_key(part, entry["class"], k)) for k in range(4)] for entry in table]


def read_columns(cursor, count, rows, known_terms, used):
    """Field id -> values of the rows; the directory and data must end the body. `used` gets the terms of texts."""
    directory = []
    for _ in range(count):
        entry = COLUMN_ENTRY.read(cursor)
        if directory and directory[-1]["field"] >= entry["field"]:
            raise cursor.fail(f"column {entry['field']:#x} does not ascend", "FRM-4", cursor.at - COLUMN_ENTRY.size)
        directory.append(entry)
    if rows == 0 and directory:
        raise cursor.fail("columns in a frame without rows", "FRM-4")
    found = {}
    for entry in directory:
        at = cursor.base + cursor.at
        data = cursor.take(entry["length"], f"column {entry['field']:#x}")
        inner = Cursor(data, f"column {entry['field']:#x}", at)
        found[entry["field"]] = columns.decode(entry["field"], entry["encoding"], inner, rows, known_terms, used)
    cursor.done("FRM-4")
    if rows:
        for needed in (KIND_FIELD, columns.SCHEMA, columns.RECORDED_AT, columns.OCCURRED_AT):
            if needed not in found:
                raise cursor.fail(f"column {needed:#x} is missing", "FRM-4", 0)
    return found


def positions(descriptor, states):
    """The entries in seq order, with what stubs say about times."""
    out = {}
    for table_entry, four in zip(descriptor["table"], states):
        for rank, position in enumerate(table_entry["positions"]):
            entry = Entry(descriptor["first_seq"] + position, table_entry["class"], rank)
            if rank in four[0].stubs:
                stub = four[0].stubs[rank]
                entry.state = "removed" if stub else "expired"
                if stub:
                    entry.recorded_at, entry.occurred_s = stub[1], stub[2]
            out[position] = entry
    return [out[position] for position in sorted(out)]


def fill_row(row, entry, four, cols, cursor):
    """Canonical bytes of one row's groups from its columns."""
    at = lambda column: cols[column][row] if column in cols else None
    check_head(at(KIND_FIELD), at(columns.SCHEMA), cursor)
    entry.recorded_at = at(columns.RECORDED_AT)
    values = [{"kind": at(KIND_FIELD), "schema": at(columns.SCHEMA), "occurred_at": at(columns.OCCURRED_AT)}, {}, {}, None]
    entry.occurred_s = values[0]["occurred_at"] // com.NS
    for number, name, group, _, _ in FIELDS:
        value = at(number) if group < 3 else None
        if value is not None:
            values[group][name] = value
    for group in range(4):
        if entry.rank in four[group].stubs:
            if values[group] or (group == 3 and (at(columns.PAYLOAD), at(METADATA)) != (None, None)):
                raise cursor.fail(f"seq {entry.seq} has values of group {group}, which is erased", "FRM-9", 0)
        elif group < 3:
            entry.values[group] = values[group]
            entry.groups[group] = encode_group(group, values[group])
        else:
            payload, text = at(columns.PAYLOAD), at(METADATA)
            if payload is not None and text is not None:
                raise cursor.fail(f"seq {entry.seq} has its payload twice", "FRM-9", 0)
            if text is not None:
                payload = encode_group(3, {"metadata": text})
            if payload is None:
                raise cursor.fail(f"seq {entry.seq} has no payload, though it is not erased", "FRM-9", 0)
            entry.values[3] = decode_group(3, payload)
            entry.groups[3] = payload
    if sum(len(data) for data in entry.groups if data) > RECORD_BYTES_MAX:
        raise cursor.fail(f"seq {entry.seq}: groups exceed {RECORD_BYTES_MAX} bytes", "REC-1", 0)


def compute_root(descriptor, states, entries):
    """The frame root from kept groups, stubs and roots."""
    by_class, roots = {}, []
    for entry in entries:
        by_class.setdefault(entry.klass, []).append(entry)
    for table_entry, four in zip(descriptor["table"], states):
        for group in range(4):
            if isinstance(four[group], Gone):
                roots.append(four[group].root)
                continue
            hashes = []
            for entry in by_class[table_entry["class"]]:
                stub = four[group].stubs.get(entry.rank)
                if stub:
                    g = stub[0] if group == 0 else stub
                else:
                    g = com.group_hash(four[group].salt(entry.rank), group, entry.groups[group])
                if group == 0:
                    g = com.leaf(entry.seq, entry.recorded_at, entry.occurred_s, entry.klass, g)
                hashes.append(g)
            roots.append(com.class_tree(hashes))
    return com.frame_root(roots)


def check_times(descriptor, entries, base):
    """[COM-5] The class table's times against the records and stubs there are."""
    for table_entry in descriptor["table"]:
        known = [e for e in entries if e.klass == table_entry["class"] and e.recorded_at is not None]
        if not known:
            continue
        seconds = [e.recorded_at // com.NS for e in known]
        expected = {"recorded_min": min(seconds), "recorded_max": max(seconds),
                    "occurred_max": max(e.occurred_s for e in known)}
        for name, value in expected.items():
            if table_entry[name] != value:
                raise Damage(f"class {table_entry['class']}: {name} is {table_entry[name]}, its records give {value}",
                             "class table", base, "COM-5")
    last = None
    for entry in entries:
        if entry.recorded_at is not None:
            if last is not None and entry.recorded_at < last:
                raise Damage(f"seq {entry.seq}: recorded-at goes back", "frame", base, "REC-12")
            last = entry.recorded_at


def read_frame(payload, base=0, known_terms=None, unseal=None, sealed=False):
    """Decodes and checks one frame block payload.

    `known_terms`: field id -> terms by ordinal. `sealed`: the body is encrypted; `unseal(descriptor,
    body)` opens it, and without one only the descriptor is read.
    """
    outer = Cursor(payload, "frame", base)
    length = outer.u32("descriptor length")
    descriptor = com.read_descriptor(outer.take(length, "descriptor"), base + 4)
    body_at, body = base + outer.at, outer.take(outer.left)
    if sealed:
        if unseal is None:
            return Frame(descriptor, None)
        body = unseal(descriptor, bytes(body))
    cursor = Cursor(body, "frame body", body_at)
    head = BODY_HEAD.read(cursor)
    states = salts_of(cursor, head, descriptor["table"])
    entries = positions(descriptor, states)
    rows = [entry for entry in entries if entry.state == "kept"]
    text_terms = {}
    cols = read_columns(cursor, head["columns"], len(rows), known_terms or {}, text_terms)
    by_class = {entry["class"]: four for entry, four in zip(descriptor["table"], states)}
    size = 0
    for row, entry in enumerate(rows):
        fill_row(row, entry, by_class[entry.klass], cols, cursor)
        size += sum(len(data) for data in entry.groups if data)
        if size > RECORD_BYTES_MAX:
            raise Damage(f"canonical groups exceed {RECORD_BYTES_MAX} bytes at seq {entry.seq}", "frame", base, "FRM-11")
    # Of an expired frame nothing is left to compute a root from: the descriptor's stands, vouched for by the chain.
    root = descriptor["frame_root"] if head["state"] == EXPIRED else compute_root(descriptor, states, entries)
    if root != descriptor["frame_root"]:
        raise Damage(f"frame {descriptor['frame_no']} (seq {descriptor['first_seq']} and {descriptor['count'] - 1} more): "
                     f"the records give the root {root.hex()}, expected {descriptor['frame_root'].hex()}",
                     "frame", base, "FRM-7")
    check_times(descriptor, entries, base)
    for entry in rows:
        check_rules(entry.seq, entry.klass, entry.values, descriptor["log_id"])
    uses = {f: {v for v in cols[f] if v is not None} for f in TERM_FIELDS if f in cols}
    uses.update(text_terms)
    return Frame(descriptor, entries, head["state"] != 0, uses)

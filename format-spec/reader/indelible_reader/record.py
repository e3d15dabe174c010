"""Records: four groups of canonical bytes and back (01-record.md).

    group 0   kind u8 | schema u8 | occurred_at i64 | presence u8 | values
    others    presence u8 | values

Values are kept as a dict by field name: `int` for codes, `str` for text, `bytes` for bytes, and a
dict for a proof. Invariant: `encode_group(k, decode_group(k, x)) == x`.
"""

import base64
import re
import struct
import uuid

from .bits import Cursor, Layout, varint

RECORD_BYTES_MAX = 1_048_576
ENVELOPE = Layout("EnvelopeHead", [("kind", "u8"), ("schema", "u8"), ("occurred_at", "i64"), ("presence", "u8")])
GROUPS = ("envelope", "identity", "correlation", "payload")
# id, name, group, bit, type; the record kind (26) lies in the envelope's head.
FIELDS = [
    (0, "workspace", 0, 0, "text"), (1, "lane", 0, 1, "text"), (2, "service", 0, 2, "text"),
    (3, "action", 0, 3, "text"), (4, "severity", 0, 4, "code"), (5, "outcome", 0, 5, "code"),
    (6, "actor_type", 0, 6, "code"), (7, "target_type", 0, 7, "text"),
    (8, "actor_id", 1, 0, "text"), (9, "actor_name", 1, 1, "text"), (10, "actor_role", 1, 2, "text"),
    (11, "actor_ip", 1, 3, "text"), (12, "auth_method", 1, 4, "text"), (13, "target_id", 1, 5, "text"),
    (14, "session", 1, 6, "text"),
    (15, "event_id", 2, 0, "text"), (16, "correlation_id", 2, 1, "text"), (17, "parent_id", 2, 2, "text"),
    (18, "request_id", 2, 3, "text"),
    (19, "proof", 3, 0, "proof"), (20, "reason", 3, 1, "text"), (21, "error_code", 3, 2, "text"),
    (22, "error_message", 3, 3, "text"), (23, "metadata", 3, 4, "text"), (24, "original_format", 3, 5, "text"),
    (25, "original", 3, 6, "bytes"),
]
KIND_FIELD = 26
KINDS = {1: "event", 2: "genesis", 3: "key", 4: "schedule", 5: "policy", 6: "hold", 7: "hold_extend",
         8: "gap", 9: "recovery", 10: "intent", 11: "done", 12: "access", 13: "loss", 15: "abandon"}
GROUP_FIELDS = [[(bit, name, kind) for _, name, g, bit, kind in FIELDS if g == group] for group in range(4)]
BY_ID = {field: (name, group, kind) for field, name, group, _, kind in FIELDS}
METADATA = 23
TERM_FIELDS = {field for field, _, group, _, kind in FIELDS if group < 2 and kind == "text"}
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROOF_PARTS = ("data", "url", "hash", "captured_at")


def read_text(cursor, what="text"):
    start, head = cursor.at, cursor.varint(what)
    if head == 1:
        return str(uuid.UUID(bytes=bytes(cursor.take(16, what))))
    if head & 1:
        raise cursor.fail(f"{what} begins with {head}: odd and not 1", "REC-4", start)
    try:
        text = bytes(cursor.take(head // 2, what)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise cursor.fail(f"{what} is not UTF-8: {error.reason}", "REC-6", start) from None
    if UUID_TEXT.fullmatch(text):
        raise cursor.fail(f"{what} is a UUID that is not in the 16-byte form", "REC-5", start)
    return text


def write_text(text):
    if UUID_TEXT.fullmatch(text):
        return b"\x01" + uuid.UUID(text).bytes
    data = text.encode("utf-8")
    return varint(2 * len(data)) + data


def read_proof(cursor):
    kind, presence = cursor.u8("proof kind"), cursor.u8("proof presence")
    if kind == 0:
        raise cursor.fail("proof kind is zero", "CONV-6", cursor.at - 2)
    if presence >> 4:
        raise cursor.fail("proof presence has bits without a field", "CONV-3", cursor.at - 1)
    proof = {"kind": kind}
    for bit, name in enumerate(PROOF_PARTS):
        if presence >> bit & 1:
            proof[name] = cursor.i64(name) if name == "captured_at" else read_text(cursor, name)
    return proof


def write_proof(proof):
    presence = sum(1 << bit for bit, name in enumerate(PROOF_PARTS) if name in proof)
    out = bytes((proof["kind"], presence))
    for name in PROOF_PARTS:
        if name in proof:
            out += struct.pack("<q", proof[name]) if name == "captured_at" else write_text(proof[name])
    return out


def read_value(cursor, kind, name):
    if kind == "text":
        return read_text(cursor, name)
    if kind == "bytes":
        return bytes(cursor.take(cursor.varint(name), name))
    if kind == "proof":
        return read_proof(cursor)
    code = cursor.u8(name)
    if code == 0:
        raise cursor.fail(f"{name} is zero", "CONV-6", cursor.at - 1)
    return code


def write_value(kind, value):
    if kind == "text":
        return write_text(value)
    if kind == "bytes":
        return varint(len(value)) + value
    return write_proof(value) if kind == "proof" else bytes((value,))


def check_head(kind, schema, cursor):
    if schema != 1:
        raise cursor.fail(f"record schema {schema} found, this reader reads 1", "REC-7")
    if kind not in KINDS:
        raise cursor.fail(f"record kind {kind} does not exist in schema 1", "REC-7")


def decode_group(group, data, base=0):
    """The values of a group's canonical bytes."""
    cursor, values = Cursor(data, f"group {group}", base), {}
    if group == 0:
        head = ENVELOPE.read(cursor)
        presence = head.pop("presence")
        check_head(head["kind"], head["schema"], cursor)
        values.update(head)
    else:
        presence = cursor.u8("presence")
    for bit, name, kind in GROUP_FIELDS[group]:
        if presence >> bit & 1:
            values[name] = read_value(cursor, kind, name)
            presence ^= 1 << bit
    if presence:
        raise cursor.fail(f"presence bits {presence:#x} have no field", "REC-2", 10 if group == 0 else 0)
    cursor.done("REC-3")
    return values


def encode_group(group, values):
    presence, out = 0, b""
    for bit, name, kind in GROUP_FIELDS[group]:
        if values.get(name) is not None:
            presence |= 1 << bit
            out += write_value(kind, values[name])
    if group == 0:
        return struct.pack("<BBqB", values["kind"], values["schema"], values["occurred_at"], presence) + out
    return bytes((presence,)) + out


def read_transit(cursor):
    """One record of a journal payload: (recorded_at, class, four groups of bytes)."""
    start = cursor.at
    recorded_at, klass = cursor.i64("recorded-at"), cursor.u16("class")
    lengths = [cursor.varint(f"length of group {k}") for k in range(4)]
    if min(lengths) == 0 or lengths[0] < ENVELOPE.size:
        raise cursor.fail(f"group lengths {lengths}: every group must be present", "REC-9", start)
    if sum(lengths) > RECORD_BYTES_MAX:
        raise cursor.fail(f"groups of {sum(lengths)} bytes exceed {RECORD_BYTES_MAX}", "REC-1", start)
    return recorded_at, klass, [bytes(cursor.take(n, f"group {k}")) for k, n in enumerate(lengths)]


def to_json(seq, recorded_at, klass, values):
    """The object of one record: codes are numbers, times are nanoseconds, bytes are base64."""
    out = {"seq": seq, "recorded_at": recorded_at, "class": klass}
    erased = [GROUPS[k] for k, group in enumerate(values) if group is None]
    for group in values:
        for name, value in (group or {}).items():
            out[name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    if erased:
        out["erased"] = erased
    return out

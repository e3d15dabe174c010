"""Rules of a record that need its seq and class: genesis first, classes, system records and their bodies (01-record.md).

Bodies of policies, holds, intents and done records are those of 13-retention.md; what follows from them is not judged here.
"""

import base64
import json
import re
import unicodedata
import uuid

from .bits import Cursor, Damage
from .record import KINDS

ACTOR_SYSTEM = 3
EVENT, GENESIS, ACCESS = 1, 2, 12


def whole(low, high=(1 << 64) - 1):
    return lambda value: type(value) is int and low <= value <= high


def text(value):
    return isinstance(value, str)


def one_of(*choices):
    return lambda value: value in choices


def is_rules(value):
    members = {"class": whole(1, 65535), "label": text, "severity": whole(1, 255)}
    return isinstance(value, list) and all(isinstance(rule, dict) and misfit(rule, members) is None for rule in value)


def name_of(value):
    return text(value) and 1 <= len(value.encode()) <= 255 and all(unicodedata.category(one) != "Cc" for one in value)


def based(value):
    """The bytes of padded base64, None where it is not in its one form."""
    try:
        found = base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return None
    return found if base64.b64encode(found).decode() == value else None


def runs_of(value):
    """Half-open runs of a seq set (RET-2), None where it is none."""
    data = based(value)
    if data is None:
        return None
    try:
        cursor = Cursor(data, "seq set")
        runs, before = [], 0
        count = cursor.varint()
        if count > len(data):
            return None
        for at in range(count):
            gap, more = cursor.varint(), cursor.varint()
            if at and not gap:
                return None
            runs.append((before + gap, before + gap + more + 1))
            before = runs[-1][1]
        cursor.done()
    except Damage:
        return None
    return runs if before < 1 << 64 else None


def seq_set(value):
    return runs_of(value) is not None


def optional(right):
    return lambda value: value is None or right(value)


def objects(members, order=None):
    """A list of objects with exactly these members, ascending by `order`."""
    def right(value):
        if not isinstance(value, list) or any(not isinstance(one, dict) or misfit(one, members) for one in value):
            return False
        keys = [order(one) for one in value] if order else []
        return all(a < b for a, b in zip(keys, keys[1:]))
    return right


def is_classes(value):
    good = isinstance(value, list) and all(whole(1, 65535)(one) for one in value)
    return good and all(a < b for a, b in zip(value, value[1:]))


def filled(value):
    return bool(runs_of(value))


PLAN = {
    "at": whole(0, (1 << 63) - 1),
    "policies": objects({"name": name_of, "version": whole(0, (1 << 32) - 1)}, lambda one: one["name"].encode()),
    "holds": objects({"name": name_of, "through": whole(0)}, lambda one: one["name"].encode()),
    "segments": objects({"id": whole(0), "generation": whole(0, (1 << 32) - 1), "first_frame": whole(0),
                         "frames": whole(0), "bytes": whole(0)}, lambda one: one["id"]),
    "classes": objects({"class": whole(1, 65535), "group": whole(0, 3), "frames": filled},
                       lambda one: (one["class"], one["group"])),
    "records": seq_set, "envelopes": seq_set,
    "groups": objects({"group": one_of(1, 3), "seqs": filled}, lambda one: one["group"]),
}


def is_plan(value):
    plan = body_of({"metadata": value}) if text(value) else None
    if plan is None or misfit(plan, PLAN):
        return False
    ends = [(one["first_frame"], one["first_frame"] + one["frames"]) for one in plan["segments"]]
    return all(end <= start for (_, end), (start, _) in zip(ends, ends[1:]))


def signature(value):
    return text(value) and len(based(value) or b"") == 64


BODIES = {
    "genesis": {"log_id": text, "origin": text, "key": text, "format_version": one_of(1)},
    "schedule": {"version": whole(1), "rules": is_rules, "default": whole(1, 65535)},
    "key": {"epoch": whole(1), "key": text, "role": one_of("checkpoint", "purge"), "action": one_of("add", "retire")},
    "gap": {"lost": whole(1)},
    "policy": {"name": name_of, "version": whole(1, (1 << 32) - 1), "action": one_of("set"), "keep": whole(0),
               "identity_keep": optional(whole(0)), "payload_keep": optional(whole(0)),
               "basis": one_of("recorded", "event"), "classes": is_classes,
               "filter": optional(lambda value: text(value) and based(value) is not None), "text": text},
    "policy retire": {"name": name_of, "version": whole(1, (1 << 32) - 1), "action": one_of("retire")},
    "hold": {"name": name_of, "action": one_of("place"), "filter": lambda value: text(value) and based(value) is not None,
             "text": text, "through": whole(0), "seqs": seq_set},
    "hold release": {"name": name_of, "action": one_of("release")},
    "hold_extend": {"name": name_of, "from": whole(0), "through": whole(1), "seqs": seq_set},
    "abandon": {"intent": whole(0)},
    "intent": {"plan": is_plan, "key": text, "signature": signature},
    "done": {"intent": whole(0), "checkpoint": text,
             "segments": objects({"id": whole(0), "generation": whole(0, (1 << 32) - 1), "bytes": whole(0)},
                                 lambda one: one["id"]),
             "records": whole(0), "identity": whole(0), "payload": whole(0)},
    "recovery": {"incarnation": whole(1), "journal_file": whole(0), "journal_offset": whole(0), "cut_bytes": whole(0),
                 "cut_crc": lambda value: text(value) and re.fullmatch("[0-9a-f]{8}", value) is not None,
                 "segment_cut_bytes": whole(0)},
    "loss": {"anchored_frames": whole(1), "found_frames": whole(0), "reason": one_of("behind", "forked"),
             "anchored_root": lambda value: text(value) and re.fullmatch("[0-9a-f]{64}", value) is not None},
}


def misfit(body, members):
    """What is wrong with an object that must have exactly these members, or None."""
    if set(body) != set(members):
        return f"has members {sorted(body)}, expected {sorted(members)}"
    return next((f"has {name} {body[name]!r}" for name, right in members.items() if not right(body[name])), None)


def once(pairs):
    """A JSON object whose members are all different."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def unsigned(digits):
    """A JSON integer without a sign (RET-1)."""
    if digits.startswith("-"):
        raise ValueError("a number with a sign")
    return int(digits)


def body_of(payload):
    """The JSON object in a system record's metadata, or None where it is not one."""
    try:
        body = json.loads(payload.get("metadata", ""), object_pairs_hook=once, parse_int=unsigned)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def limits(name, body):
    """What is wrong beyond members and types (RET-3 to RET-5), or None."""
    if name == "policy" and "keep" in body:
        longer = [body[group] for group in ("identity_keep", "payload_keep") if (body[group] or 0) > body["keep"]]
        return "keeps a group longer than its record" if longer else None
    if name in ("hold", "hold_extend") and "seqs" in body:
        runs, first = runs_of(body["seqs"]), body.get("from", 0)
        inside = not runs or (first <= runs[0][0] and runs[-1][1] <= body["through"])
        empty = name == "hold_extend" and first >= body["through"]
        return None if inside and not empty else "has seqs outside what was tested"
    if name == "key" and body["role"] == "checkpoint" and body["action"] != "add":
        return "retires a checkpoint key"
    return None


def check_rules(seq, klass, values, log_id):
    """`values` holds one dict a group, None where it is erased."""
    envelope, identity, _, payload = values
    kind = envelope["kind"]
    name = KINDS[kind]

    def refuse(message, rule="REC-7"):
        raise Damage(f"seq {seq}: {message}", "record", None, rule)

    if (seq == 0) != (kind == GENESIS):
        refuse(f"kind {name}: the genesis record is seq 0 and no other", "REC-8")
    if kind == EVENT:
        if klass == 0:
            refuse("an event has class 0, which is for system records", "REC-11")
        return
    if klass != 0 and kind != ACCESS:
        refuse(f"a {name} record has class {klass}, expected 0", "REC-10")
    expected = {"action": f"log.{name}", "actor_type": ACTOR_SYSTEM, "target_type": "log"}
    found = dict(envelope)
    if identity is not None:
        expected |= {"actor_id": "indelible", "target_id": str(uuid.UUID(bytes=log_id))}
        found |= identity
    for field, value in expected.items():
        if found.get(field) != value:
            refuse(f"a {name} record has {field} {found.get(field)!r}, expected {value!r}")
    if payload is not None:
        body = body_of(payload)
        if body is None:
            refuse(f"a {name} record's metadata is not a JSON object")
        form = f"{name} {body.get('action')}"
        members = BODIES.get(form if form in BODIES else name)
        wrong = misfit(body, members) or limits(name, body) if members else None
        if wrong:
            refuse(f"the body of a {name} record {wrong}")

"""Rules of a record that need its seq and class: genesis first, classes, system records and their bodies (01-record.md).

Bodies are fixed for genesis, schedule, key, gap, recovery and loss; those of other kinds are JSON objects of any form.
"""

import json
import re
import uuid

from .bits import Damage
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


BODIES = {
    "genesis": {"log_id": text, "origin": text, "key": text, "format_version": one_of(1)},
    "schedule": {"version": whole(1), "rules": is_rules, "default": whole(1, 65535)},
    "key": {"epoch": whole(1), "key": text, "role": one_of("checkpoint", "purge"), "action": one_of("add", "retire")},
    "gap": {"lost": whole(1)},
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


def body_of(payload):
    """The JSON object in a system record's metadata, or None where it is not one."""
    try:
        body = json.loads(payload.get("metadata", ""), object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


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
        wrong = misfit(body, BODIES[name]) if name in BODIES else None
        if wrong:
            refuse(f"the body of a {name} record {wrong}")

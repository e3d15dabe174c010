"""Acts and statements of the log's authority: their texts, notes and records (14-authority.md).

    text     lines in one order, the last one a body in its one form [ACT-1] [ACT-9]
    note     text, empty line, one line for each signer [ACT-2]
    record   {"act":"<note>"} or {"statement":"<note>"}

Invariant: what is read would be written the same again. Not here: what follows from an act, which needs the acts before it;
what a filter's bytes say.
"""

import hashlib
import json
import re

from . import checkpoint, ed25519
from .bits import Damage
from .commitments import b3
from .system import (PLAN, based, is_classes, misfit, name_of, objects, once, one_of, optional, runs_of, seq_set, text,
                     unsigned, whole)

NOTE_BYTES_MAX, LINES_MAX = 1_048_576, 64
U32, U63, NOTICE_MAX = (1 << 32) - 1, (1 << 63) - 1, 31_622_400
ROLES = ("checkpoint", "admin", "hold", "purge", "recovery", "checkpoint2", "witness", "subject")
KEPT = ROLES[5:]
SIGNS = {"admin": lambda kind: kind != "intent", "hold": lambda kind: kind == "hold",
         "purge": lambda kind: kind == "intent", "recovery": lambda kind: kind == "key"}
NUMBER, HASH = "(0|[1-9][0-9]{0,19})", "([0-9a-f]{64})"
LOG = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"


def refuse(message, rule):
    raise Damage(message, "act", None, rule)


def flag(value):
    return type(value) is bool


def hash_of(value):
    return text(value) and re.fullmatch("[0-9a-f]{64}", value) is not None


def ascending(right):
    return lambda value: (isinstance(value, list) and all(map(right, value))
                          and all(a < b for a, b in zip(value, value[1:])))


def names_of(value):
    good = isinstance(value, list) and value and all(map(name_of, value))
    return bool(good) and all(a.encode() < b.encode() for a, b in zip(value, value[1:]))


def filter_of(value):
    return text(value) and based(value) is not None


def key_of(value):
    """A sound key of type 01, or one of a type that is not known here [ACT-22]."""
    parts = value.split("+", 2) if text(value) else []
    data = based(parts[2]) if len(parts) == 3 else None
    if not data:
        return False
    try:
        if data[0] == checkpoint.ED25519_TYPE:
            checkpoint.parse_key(value, "act")
        else:
            checkpoint.check_origin(parts[0])
    except Damage:
        return False
    return re.fullmatch("[0-9a-f]{8}", parts[1]) is not None


def object_of(members):
    return lambda value: isinstance(value, dict) and list(value) == list(members) and misfit(value, members) is None


CHANGE = {"action": one_of("add", "retire", "drop", "replace", "compromised"), "role": one_of(*ROLES), "key": key_of,
          "epoch": optional(whole(1, U32)),
          "since": optional(object_of({"size": whole(0), "root": hash_of, "date": optional(whole(0))})),
          "reason": optional(one_of("lost", "compromised"))}
RULE = {"class": whole(1, 65535), "label": text, "severity": whole(1, 255), "trees": whole(0, 1)}
PARTS = {name: PLAN[name] for name in ("segments", "classes", "records", "envelopes", "groups")}

BODIES = {
    "policy": {"name": name_of, "version": whole(1, U32), "action": one_of("set"), "keep": whole(0),
               "identity_keep": optional(whole(0)), "payload_keep": optional(whole(0)),
               "basis": one_of("recorded", "event"), "classes": is_classes, "filter": optional(filter_of), "text": text},
    "policy retire": {"name": name_of, "version": whole(1, U32), "action": one_of("retire")},
    "hold": {"action": one_of("place"), "name": name_of, "commit": hash_of, "needs": ascending(whole(0, 2)),
             "through": whole(0), "seqs": seq_set},
    "hold release": {"action": one_of("release"), "names": names_of},
    "key": {"changes": objects(CHANGE)},
    "schedule": {"version": whole(1, U32), "rules": objects(RULE), "default": whole(1, 65535)},
    "profile": {"purge_head": one_of("signed", "anchored", "witnessed"), "witness_policy": optional(hash_of),
                "purge_notice": whole(0, NOTICE_MAX), "quorum_admin": whole(1, 5), "quorum_purge": whole(1, 5),
                "separate": flag, "refuse_unmarked": flag, "holds_per_key": whole(1)},
    "clock": {"from": whole(0), "through": whole(0), "not_after": whole(0, U63)},
    "loss": {"anchored_frames": whole(1), "anchored_root": hash_of, "found_frames": whole(0),
             "reason": one_of("behind", "forked")},
    "void": {},
    "end": {"successor": optional(hash_of)},
    "intent": {"at": whole(0), **PARTS, "kept": objects({"name": name_of, "seqs": seq_set}, lambda one: one["name"].encode()),
               "clock": one_of("guard", "confirmed")},
    "hold_extend": {"name": name_of, "from": whole(0), "through": whole(1), "seqs": seq_set},
    "done": {"intent": whole(0), "head": text,
             "segments": objects({"id": whole(0), "generation": whole(0, U32), "bytes": whole(0)}, lambda one: one["id"]),
             "records": whole(0), "identity": whole(0), "payload": whole(0)},
    "abandon": {"intent": whole(0)},
    "adopt": {"from": whole(0), "through": whole(0)},
    "jump": {"before": whole(0), "after": whole(0, U63)},
    "hold_text": {"salt": lambda value: text(value) and re.fullmatch("[0-9a-f]{32}", value) is not None,
                  "filter": filter_of, "text": text},
}
STATEMENTS = ("hold_extend", "done", "abandon", "adopt", "jump")
ACTS = ("policy", "hold", "key", "schedule", "profile", "clock", "loss", "void", "end", "intent")

ACT = re.compile(f"indelible 2026-11 act v1\nlog {LOG}\nrole (admin|hold|purge|recovery)\nnumber {NUMBER}\n"
                 f"previous {HASH}\ncharter {HASH}\nbase {NUMBER} {HASH}\nexpires {NUMBER}\nkind ({'|'.join(ACTS)})\n"
                 "([^\n]*)\n")
STATEMENT = re.compile(f"indelible 2026-11 statement v1\nlog {LOG}\nepoch {NUMBER}\nbase {NUMBER} {HASH}\n"
                       f"kind ({'|'.join(STATEMENTS)})\n([^\n]*)\n")


def written(value):
    """JSON as bodies have it: no spaces, and of control characters the short escape where there is one."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_json(line, rule):
    """A JSON object in its one form."""
    try:
        value = json.loads(line, object_pairs_hook=once, parse_int=unsigned)
        same = isinstance(value, dict) and written(value) == line
    except (ValueError, RecursionError):
        same = False
    return value if same else refuse("a body is no JSON object in its one form", rule)


def shape_of(kind, body):
    other = {"policy": "retire", "hold": "release"}.get(kind)
    return f"{kind} {other}" if other and body.get("action") == other else kind


def inside(runs, first, end):
    return not runs or (first <= runs[0][0] and runs[-1][1] <= end)


def meet(some, others):
    return any(a < d and c < b for a, b in some for c, d in others)


def fits(change):
    """What belongs to an action is there, and nothing else."""
    action, of_checkpoint = change["action"], change["role"] == "checkpoint"
    allowed = {"add": True, "retire": not of_checkpoint, "drop": of_checkpoint, "replace": of_checkpoint,
               "compromised": change["role"] not in KEPT}[action]
    return (allowed and (change["epoch"] is not None) == (of_checkpoint and action != "compromised")
            and (change["since"] is not None) == (action == "compromised")
            and (change["reason"] is not None) == (action == "replace"))


def fits_intent(body):
    ends = [(one["first_frame"], one["first_frame"] + one["frames"]) for one in body["segments"]]
    alone = [body["records"], body["envelopes"]] + [one["seqs"] for one in body["groups"]]
    kept = [runs_of(one["seqs"]) for one in body["kept"]]
    return (all(end <= start for (_, end), (start, _) in zip(ends, ends[1:]))
            and not any(meet(runs_of(seqs), runs) for seqs in alone for runs in kept))


def fits_policy(body):
    return all((body[group] or 0) <= body["keep"] for group in ("identity_keep", "payload_keep"))


LIMITS = {
    "policy": fits_policy,
    "hold": lambda body: inside(runs_of(body["seqs"]), 0, body["through"]),
    "hold_extend": lambda body: (body["from"] < body["through"]
                                 and inside(runs_of(body["seqs"]), body["from"], body["through"])),
    "key": lambda body: body["changes"] != [] and all(map(fits, body["changes"])),
    "schedule": lambda body: len({(one["class"], one["trees"]) for one in body["rules"]})
    == len({one["class"] for one in body["rules"]}),
    "profile": lambda body: (body["purge_head"] == "witnessed") == (body["witness_policy"] is not None),
    "clock": lambda body: body["from"] < body["through"],
    "adopt": lambda body: body["from"] < body["through"],
    "jump": lambda body: body["before"] < body["after"],
    "intent": fits_intent,
}


def ordered(value, members):
    """Whether members stand in their order, those of objects in lists too."""
    lists = {"changes": CHANGE, "rules": RULE, "kept": ("name", "seqs"), "groups": ("group", "seqs"),
             "classes": ("class", "group", "frames"),
             "segments": ("id", "generation", "first_frame", "frames", "bytes") if "at" in members
             else ("id", "generation", "bytes")}
    return list(value) == list(members) and all(
        list(one) == list(lists[name]) for name, many in value.items() if isinstance(many, list)
        for one in many if isinstance(one, dict))


def parse_body(kind, line):
    """The members of a body [ACT-9]."""
    body = parse_json(line, "ACT-9")
    shape = shape_of(kind, body)
    problem = misfit(body, BODIES[shape])
    if problem:
        refuse(f"{kind} {problem}", "ACT-9")
    if not ordered(body, BODIES[shape]):
        refuse(f"members of {kind} stand in another order", "ACT-9")
    if not LIMITS.get(shape, lambda _: True)(body):
        refuse(f"{kind} says what does not go together", "ACT-9")
    return body


def number(digits, bits=64):
    value = int(digits)
    return value if value < 1 << bits else refuse(f"a number exceeds {bits} bits", "ACT-1")


def base_of(size, root):
    if number(size) == 0 and root != hashlib.sha256().hexdigest():
        refuse("the root of size 0 is SHA-256 of nothing", "ACT-1")
    return {"size": int(size), "root": root}


def parse_act(act):
    found = ACT.fullmatch(act) or refuse("the text is not that of an act", "ACT-1")
    log, role, count, previous, charter, size, root, expires, kind, line = found.groups()
    if number(count) == 0:
        refuse("acts are numbered from 1", "ACT-1")
    read = {"log": log, "role": role, "number": int(count), "previous": previous, "charter": charter,
            **base_of(size, root), "expires": number(expires), "kind": kind, "body": parse_body(kind, line),
            "link": hashlib.sha256(act.encode()).hexdigest()}
    if not SIGNS[role](kind):
        refuse(f"a key of role {role} does not sign {kind}", "ACT-3")
    if kind != "intent" and charter != previous:
        refuse("on the charter line charter equals previous", "ACT-6")
    return read


def parse_statement(statement):
    found = STATEMENT.fullmatch(statement) or refuse("the text is not that of a statement", "ACT-1")
    log, epoch, size, root, kind, line = found.groups()
    return {"log": log, "epoch": number(epoch, 32), **base_of(size, root), "kind": kind, "body": parse_body(kind, line)}


def parse_note(note):
    """(text, [(key name, key id, signature)]) of a signed note."""
    signed, found, tail = note.partition("\n\n")
    if len(note.encode()) > NOTE_BYTES_MAX or not found or not tail.endswith("\n"):
        refuse("not a text, an empty line and signature lines, or too long", "ACT-2")
    lines = tail[:-1].split("\n")
    if len(lines) > LINES_MAX or len(set(lines)) < len(lines):
        refuse("a signature line twice, or more than 64", "ACT-2")
    return signed + "\n", [parse_line(line) for line in lines]


def parse_line(line):
    parts = line.split(" ")
    data = based(parts[2]) if len(parts) == 3 and parts[0] == "\u2014" else None
    if data is None or len(data) < 5:
        refuse(f"{line!r} is no signature line", "ACT-2")
    try:
        checkpoint.check_origin(parts[1])
    except Damage as damage:
        refuse(damage.message, "ACT-2")
    return parts[1], data[:4], data[4:]


def parse_record(what, body):
    """The note of a record's body; `what` is act or statement."""
    value = parse_json(body, "ACT-2")
    if list(value) != [what] or not text(value[what]):
        refuse(f"the body is not that of a record of one {what}", "ACT-2")
    return parse_note(value[what])


def signers(signed, lines, keys):
    """Those of the keys, all of type 01, whose lines a note has; each line that names one is right [ACT-4] [ACT-23]."""
    found = []
    parsed = [(key, checkpoint.parse_key(key, "act")) for key in keys]
    for name, key_id, signature in lines:
        named = [(key, public) for key, (own, number, public) in parsed if (own, number) == (name, key_id)]
        made = [key for key, public in named if ed25519.verify(public, signed.encode(), signature)]
        if named and not made:
            refuse(f"a line of {name} is not its signature of the text", "ACT-4")
        found += made[:1]
    return found


def parse_hold_text(body):
    """What a hold is for, and the commitment that its act has [ACT-18]."""
    value = parse_body("hold_text", body)
    parts = bytes.fromhex(value["salt"]), based(value["filter"]), value["text"].encode()
    sized = parts[0] + b"".join(len(part).to_bytes(4, "little") + part for part in parts[1:])
    return {**value, "commit": b3("hold", sized).hex()}

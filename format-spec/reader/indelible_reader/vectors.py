"""Test vectors: `NAME.hex` (an annotated dump) and `NAME.json` (what it decodes to).

`NAME.hex`: hex digits, white space anywhere; `#` begins a comment to the end of the line.
`NAME.json`: {"structure": ..., "context": {...}, "expect": {...}} or, for bytes that must be refused,
{"structure": ..., "context": {...}, "refuse": "REC-4"} (the rule's id, or "" for any).
Bytes are hex in all of it, except inside a record's object, which is the one of `--records`.
`expect` may name fewer members than the decoder gives; those it names must be equal.
"""

import json
import os

from . import aead, checkpoint, commitments, frame, journal, manifest, segment
from .bits import Cursor, Damage
from .record import decode_group, read_transit, to_json


def parse_hex(text):
    return bytes.fromhex("".join(line.split("#", 1)[0] for line in text.splitlines()))


def plain(value):
    """A value as JSON: bytes become hex."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def record(data, context):
    """A record in transit form; `context.seq` is its place."""
    cursor = Cursor(data, "record")
    recorded_at, klass, groups = read_transit(cursor)
    cursor.done()
    values = [decode_group(k, groups[k]) for k in range(4)]
    return to_json(context.get("seq", 0), recorded_at, klass, values)


def frame_payload(data, context):
    """A frame block's payload. Context: `terms` by field id, `chain_before`; for an encrypted one `key`,
    `segment_id`, `generation`."""
    terms = {int(field): values for field, values in context.get("terms", {}).items()}
    unseal = None
    if "key" in context:
        def unseal(d, body):
            associated = aead.ASSOCIATED_DATA.write(
                log_id=d["log_id"], file_id=context["segment_id"], generation=context["generation"], kind=segment.FRAME,
                number=d["frame_no"], first_seq=d["first_seq"], count=d["count"])
            return aead.unseal(bytes.fromhex(context["key"]), body, associated, f"frame {d['frame_no']}")
    found = frame.read_frame(data, 0, terms, unseal, context.get("sealed", "key" in context))
    d, out = found.descriptor, {"pruned": found.pruned, "entries": None}
    before = bytes.fromhex(context.get("chain_before", "00" * 32))
    out |= {"descriptor": {k: v for k, v in d.items() if k != "stored"}, "frame_root": d["frame_root"],
            "chain": commitments.chain_next(d["stored"], before), "leaf_hash": commitments.log_leaf(d["stored"], before)}
    if found.entries is not None:
        out["entries"] = [entry_json(entry) for entry in found.entries]
    return out


def entry_json(entry):
    if entry.state == "kept":
        return to_json(entry.seq, entry.recorded_at, entry.klass, entry.values)
    out = {"seq": entry.seq, "class": entry.klass, "state": entry.state}
    if entry.state == "removed":
        out |= {"recorded_at": entry.recorded_at, "occurred_at_s": entry.occurred_s}
    return out


def journal_group(data, context):
    """One group, header and payload, at `context.offset` of a file with its log id and incarnation."""
    offset = context.get("offset", 64)
    header = {"log_id": bytes.fromhex(context["log_id"]), "incarnation": context["incarnation"],
              "file_no": context.get("file_no", 0)}
    group = journal.read_group_header(bytes(offset) + data, offset, header)
    payload = journal.read_payload(bytes(offset) + data, offset, group)
    if len(data) != journal.GROUP_HEADER.size + group["length"]:
        raise Damage("bytes after the group", "journal group", offset, "CONV-4")
    if "key" in context and payload:
        associated = aead.ASSOCIATED_DATA.write(
            log_id=group["log_id"], file_id=header["file_no"], generation=aead.JOURNAL_GENERATION, kind=0, number=offset,
            first_seq=group["first_seq"], count=group["count"])
        payload = aead.unseal(bytes.fromhex(context["key"]), payload, associated, "journal group")
    records = journal.read_records(payload, offset + journal.GROUP_HEADER.size, group)
    return group | {"records": [to_json(group["first_seq"] + i, r[0], r[1], r[3]) for i, r in enumerate(records)]}


def whole(read):
    """A decoder of a structure that is all of the bytes."""
    def decode(data, context):
        cursor = Cursor(data, read.name)
        values = read.read(cursor)
        cursor.done()
        return values
    return decode


def segment_header(data, context):
    values = whole(segment.SEGMENT_HEADER)(data, context)
    segment.read_header(data)
    return values


def note(data, context):
    found = checkpoint.parse(data)
    if "key" in context:
        checkpoint.verify(found, context["key"])
    return {"origin": found.origin, "size": found.size, "root": found.root, "signatures": found.signatures}


DECODERS = {
    "record": record, "frame": frame_payload, "journal_group": journal_group,
    "journal_header": whole(journal.JOURNAL_HEADER), "live": whole(journal.LIVE), "segment_header": segment_header,
    "manifest": lambda data, context: manifest.read_manifest(data), "checkpoint": note,
}


def differences(expected, found, path=""):
    """Where `found` is not what was expected; dicts may have more members than expected."""
    if isinstance(expected, dict) and isinstance(found, dict):
        out = []
        for key, value in expected.items():
            out += differences(value, found[key], f"{path}.{key}") if key in found else [f"{path}.{key} is missing"]
        return out
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [line for i, pair in enumerate(zip(expected, found)) for line in differences(*pair, f"{path}[{i}]")]
    return [] if expected == found else [f"{path} is {found!r}, expected {expected!r}"]


def check_vector(data, description):
    """Problems of one vector, as lines."""
    context, rule = description.get("context", {}), description.get("refuse")
    try:
        found = plain(DECODERS[description["structure"]](data, context))
    except Damage as damage:
        if rule is not None:
            return [] if rule in ("", damage.rule) else [f"refused by {damage.rule}, expected {rule}: {damage}"]
        return [str(damage)]
    if rule is not None:
        return [f"accepted, expected to be refused by {rule or 'some rule'}"]
    return differences(description.get("expect", {}), found)


def run_vectors(folder):
    """Checks every vector below a folder, prints a line for each and gives the number of failures."""
    failures = checked = 0
    for parent, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            stem, extension = os.path.splitext(os.path.join(parent, name))
            if extension != ".hex":
                continue
            with open(stem + ".hex", encoding="utf-8") as dump, open(stem + ".json", encoding="utf-8") as description:
                problems = check_vector(parse_hex(dump.read()), json.load(description))
            checked += 1
            failures += bool(problems)
            print(f"{'FAILED' if problems else 'ok'} {os.path.relpath(stem, folder)}")
            for line in problems:
                print(f"    {line}")
    print(f"{checked} vectors, {failures} failed")
    return failures if checked else 1

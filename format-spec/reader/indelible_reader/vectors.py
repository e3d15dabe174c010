"""Test vectors: `NAME.hex` (an annotated dump) and `NAME.json` (what it decodes to).

`NAME.hex`: hex digits, white space anywhere; `#` begins a comment to the end of the line.
`NAME.json`: {"structure": ..., "context": {...}, "expect": {...}} or, for bytes that must be refused,
{"structure": ..., "context": {...}, "refuse": "REC-4"} (the rule's id, or "" for any).
Bytes are hex in all of it, except inside a record's object, which is the one of `--records`.
`expect` may name fewer members than the decoder gives; those it names must be equal.
"""

import json
import os

from . import aead, checkpoint, commitments, footer, frame, journal, manifest, segment
from .bits import Cursor, Damage
from .record import decode_group, encode_group, read_transit, to_json


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


def group(data, context):
    """One group's canonical bytes, which must come out the same [CONV-4]."""
    values = decode_group(context["group"], data)
    if encode_group(context["group"], values) != data:
        raise Damage("encoded again it has other bytes", "group", 0, "CONV-4")
    return to_json(0, 0, 0, [values])


def descriptor(data, context):
    """A stored descriptor; `context.chain_before` is the chain value of the frame before."""
    found, before = commitments.read_descriptor(data), bytes.fromhex(context.get("chain_before", "00" * 32))
    return {k: v for k, v in found.items() if k != "stored"} | {
        "chain": commitments.chain_next(data, before), "leaf_hash": commitments.log_leaf(data, before)}


def terms_of(context):
    return {int(field): list(values) for field, values in context.get("terms", {}).items()}


def frame_payload(data, context):
    """A frame block's payload. Context: `terms` by field id, `chain_before`; for an encrypted one `key`,
    `segment_id`, `generation`."""
    terms = terms_of(context)
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
    if context.get("first_seq", group["first_seq"]) != group["first_seq"]:
        raise Damage(f"begins with seq {group['first_seq']}, expected {context['first_seq']}", "journal group", offset, "JRN-2")
    if context.get("previous_crc", group["previous_crc"]) != group["previous_crc"]:
        raise Damage("names another group before it", "journal group", offset, "JRN-8")
    if "key" in context and payload:
        associated = aead.ASSOCIATED_DATA.write(
            log_id=group["log_id"], file_id=header["file_no"], generation=aead.JOURNAL_GENERATION, kind=0, number=offset,
            first_seq=group["first_seq"], count=group["count"])
        payload = aead.unseal(bytes.fromhex(context["key"]), payload, associated, "journal group")
    return group_json(group, journal.read_records(payload, offset + journal.GROUP_HEADER.size, group))


def group_json(group, records):
    return group | {"records": [to_json(group["first_seq"] + i, r[0], r[1], r[3]) for i, r in enumerate(records)]}


def journal_file(data, context):
    """A whole journal file that begins its incarnation."""
    found = journal.read_journal(data, None, None, 0)
    if found.stopped is not None:
        raise found.stopped
    return {"header": found.header, "closed": found.closed, "groups": [group_json(g.header, g.records) for g in found.groups]}


def whole(read):
    """A decoder of a structure that is all of the bytes."""
    def decode(data, context):
        cursor = Cursor(data, read.name)
        values = read.read(cursor)
        cursor.done()
        return values
    return decode


def segment_header(data, context):
    whole(segment.SEGMENT_HEADER)(data, context)
    return segment.read_header(data)


def journal_header(data, context):
    whole(journal.JOURNAL_HEADER)(data, context)
    return journal.read_header(data, None, None)


def block(data, context):
    """A block that is all of the bytes; `context.encrypted` is what the file's header says."""
    head, payload = segment.read_block(data, 0, len(data), context["encrypted"])
    if len(data) != segment.BLOCK_HEADER.size + len(payload):
        raise Damage("bytes after the block", "block", 0, "CONV-4")
    return head


def term_page(data, context):
    """A term page; `context.terms` are those of earlier pages."""
    terms = terms_of(context)
    sections = segment.read_term_page(data, 0, terms, {field: set(values) - {None} for field, values in terms.items()})
    return {"compression": data[1], "sections": [{"field": field, "first": first, "terms": terms[field][first:first + count]}
                                                 for field, first, count in sections]}


def lookup(data, context):
    field = data[2] if len(data) > 2 else 0
    return {"field": field, "ordinals": segment.check_lookup(data, 0, field, terms_of(context))}


def segment_file(data, context):
    """A whole segment; its chain begins with what its header says."""
    records, header = [], segment.read_header(data)
    found = segment.Segment(data, header["chain_before"], lambda part, base: records.extend(map(entry_json, part.entries)))
    found.walk(True)
    return {"header": header, "records": records, "leaves": found.leaves, "chain_after": found.chain,
            "blocks": found.blocks, "footer_offset": segment.read_trailer(data[-segment.TRAILER.size:])}


def trailer(data, context):
    whole(segment.TRAILER)(data, context)
    return {"footer_offset": segment.read_trailer(data)}


def verifier_key(data, context):
    """The file `log.pub`: one key and a line feed."""
    if not data.endswith(b"\n"):
        raise Damage("no line feed at the end", "verifier key", None, "CHK-4")
    name, number, public = checkpoint.parse_key(data[:-1].decode("utf-8"))
    return {"name": name, "id": number, "public": public}


def b3(data, context):
    """The hash of a message for every purpose."""
    purposes = ("salt-key", "salt", "group", "leaf", "node", "frame", "chain", "genesis")
    return {purpose: commitments.b3(purpose, data) for purpose in purposes}


def note(data, context):
    found = checkpoint.parse(data)
    if "key" in context:
        checkpoint.verify(found, context["key"])
    return {"origin": found.origin, "size": found.size, "root": found.root, "signatures": found.signatures}


DECODERS = {
    "record": record, "group": group, "descriptor": descriptor, "frame": frame_payload, "b3": b3,
    "journal_header": journal_header, "journal_group": journal_group, "journal": journal_file, "live": whole(journal.LIVE),
    "segment_header": segment_header, "block": block, "term_page": term_page, "lookup": lookup, "trailer": trailer,
    "footer": lambda data, context: footer.read_footer(data), "segment": segment_file,
    "manifest": lambda data, context: manifest.read_manifest(data), "checkpoint": note, "verifier_key": verifier_key,
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

"""The signed tree head and the verifier key (03-checkpoint.md).

Three text lines, an empty line, signature lines; exactly that form [CHK-2].
"""

import base64
import binascii
import hashlib
import unicodedata
from dataclasses import dataclass

from . import ed25519
from .bits import Damage

ED25519_TYPE = 1
# Unicode White_Space that is not of category Z; str.isspace() has others besides.
SPACE_CONTROLS = "\t\n\v\f\r\x85"


@dataclass
class Checkpoint:
    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: list                    # (name, key id 4, signature)


def refuse(message, rule="CHK-2", file="checkpoint"):
    raise Damage(message, "checkpoint" if file == "checkpoint" else "verifier key", None, rule, file)


def check_origin(origin):
    spaces = any(c in SPACE_CONTROLS or unicodedata.category(c).startswith("Z") or ord(c) < 32 for c in origin)
    if not 1 <= len(origin.encode()) <= 255 or spaces or "+" in origin:
        refuse(f"origin {origin!r} is not 1 to 255 bytes without white space and '+'", "CHK-1")


def unbase64(text, what, rule="CHK-2", file="checkpoint"):
    """Standard alphabet, padded, canonical."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or base64.b64encode(data).decode() != text:
        refuse(f"{what} is not canonical base64", rule, file)
    return data


def key_id(name, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes((ED25519_TYPE,)) + public).digest()[:4]


def parse_key(text, file="log.pub"):
    """(name, key id, public key) of a verifier key's text form."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        refuse("a verifier key has the form name+id+key", "CHK-4", file)
    name, number, data = parts[0], parts[1], unbase64(parts[2], "the key", "CHK-4", file)
    check_origin(name)
    if len(data) != 33 or data[0] != ED25519_TYPE:
        refuse("the key is not type 01 and 32 bytes", "CHK-4", file)
    if number != key_id(name, data[1:]).hex():
        refuse(f"key id {number} is not the key's {key_id(name, data[1:]).hex()}", "CHK-4", file)
    return name, key_id(name, data[1:]), data[1:]


def parse(data):
    """A checkpoint file's form; `verify` checks its signature."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        refuse("not UTF-8")
    head, found, tail = text.partition("\n\n")
    lines = head.split("\n")
    if not found or len(lines) != 3 or not tail.endswith("\n"):
        refuse("not three lines, an empty line and signature lines, each ended by a line feed")
    origin, size, root = lines
    check_origin(origin)
    if not (size.isascii() and size.isdigit()) or len(size) > 20 or (size[0] == "0" and size != "0") or int(size) >= 1 << 64:
        refuse(f"size {size!r} is not a decimal number")
    root_bytes = unbase64(root, "root")
    if len(root_bytes) != 32:
        refuse(f"root has {len(root_bytes)} bytes, expected 32")
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            refuse(f"signature line {line!r} is not '\u2014 name base64'")
        check_origin(parts[1])
        raw = unbase64(parts[2], "signature")
        if len(raw) < 5:
            refuse("a signature of fewer than five bytes")
        signatures.append((parts[1], raw[:4], raw[4:]))
    return Checkpoint(origin, int(size), root_bytes, (head + "\n").encode(), signatures)


def has_line_of(checkpoint, key_text):
    """Whether one of the lines is said to be this key's."""
    name, number, _ = parse_key(key_text)
    return any((who, key) == (name, number) for who, key, _ in checkpoint.signatures)


def verify(checkpoint, key_text, file="log.pub"):
    """Exactly one line of the key, and it verifies; lines of other keys are kept and not judged."""
    name, number, public = parse_key(key_text, file)
    if checkpoint.origin != name:
        refuse(f"origin is {checkpoint.origin!r}, the key's name {name!r}", "CHK-1")
    own = [signature for who, key, signature in checkpoint.signatures if who == name and key == number]
    if len(own) != 1:
        refuse(f"{len(own)} signature lines of the log's key {name}+{number.hex()}, expected 1")
    if not ed25519.verify(public, checkpoint.text, own[0]):
        refuse(f"the signature of {name}+{number.hex()} does not verify")

"""Strict reading of bytes: damage with a place, cursors, varints, packed integers, layouts.

Specified in 00-conventions.md. Invariant: nothing here returns a value for bytes that would
not come out the same when the value is encoded again [CONV-4].
"""

import struct
import zlib


class Damage(Exception):
    """What a reader refuses: the rule that is broken, the structure, the offset in the file."""

    def __init__(self, message, structure="", offset=None, rule="", file=""):
        super().__init__(message)
        self.message, self.structure, self.offset = message, structure, offset
        self.rule, self.file = rule, file

    def __str__(self):
        place = self.file or "(bytes)"
        if self.offset is not None:
            place += f" at offset {self.offset}"
        rule = f" [{self.rule}]" if self.rule else ""
        return f"{place}: {self.structure + ': ' if self.structure else ''}{self.message}{rule}"


def crc(data):
    """CRC-32 of zip and Ethernet."""
    return zlib.crc32(data) & 0xFFFFFFFF


class Cursor:
    """Reads forward through bytes; `base` is where they begin in their file, for messages."""

    def __init__(self, data, structure, base=0):
        self.data, self.structure, self.base, self.at = data, structure, base, 0

    def fail(self, message, rule="", at=None):
        return Damage(message, self.structure, self.base + (self.at if at is None else at), rule)

    @property
    def left(self):
        return len(self.data) - self.at

    def take(self, size, what="bytes"):
        if size > self.left:
            raise self.fail(f"{what} needs {size} bytes, {self.left} are left", "CONV-5")
        piece = self.data[self.at:self.at + size]
        self.at += size
        return piece

    def number(self, form, what):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form), what))[0]

    def u8(self, what="u8"):
        return self.number("B", what)

    def u16(self, what="u16"):
        return self.number("H", what)

    def u32(self, what="u32"):
        return self.number("I", what)

    def u64(self, what="u64"):
        return self.number("Q", what)

    def i64(self, what="i64"):
        return self.number("q", what)

    def varint(self, what="varint"):
        start, value = self.at, 0
        for index in range(10):
            byte = self.u8(what)
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if byte == 0 and index > 0:
                    raise self.fail(f"{what} is not minimal", "CONV-1", start)
                if value >> 64:
                    raise self.fail(f"{what} does not fit 64 bits", "CONV-1", start)
                return value
        raise self.fail(f"{what} is longer than ten bytes", "CONV-1", start)

    def packed(self, count, width, what="packed integers"):
        """`count` integers of `width` bits from a little-endian bit string."""
        if width > 64:
            raise self.fail(f"width {width} of {what} is above 64", "CONV-2")
        start = self.at
        bits = int.from_bytes(self.take((count * width + 7) // 8, what), "little")
        if bits >> (count * width):
            raise self.fail(f"unused bits of {what} are not zero", "CONV-2", start)
        mask = (1 << width) - 1
        return [(bits >> (index * width)) & mask for index in range(count)]

    def done(self, rule="CONV-4"):
        if self.left:
            raise self.fail(f"{self.left} bytes too many", rule)


def varint(value):
    """The minimal encoding of a value."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


FORMS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i64": "q"}


class Layout:
    """A table of fixed fields. Order of checks: magic, version, CRC, reserved bytes.

    `fields` are (name, type) with type one of FORMS or a number of bytes. A field called `crc`
    that is not `crc_free` is last and covers all bytes before it; `reserved*` fields are zero.
    """

    def __init__(self, name, fields, magic=None, crc_free=False):
        self.name, self.fields, self.magic, self.crc_free = name, fields, magic, crc_free
        self.struct = struct.Struct("<" + "".join(
            FORMS.get(kind, f"{kind}s") if isinstance(kind, str) else f"{kind}s" for _, kind in fields))
        self.size = self.struct.size

    def rows(self):
        """(offset, size, name) of every field, to compare with the prose."""
        offset, out = 0, []
        for name, kind in self.fields:
            size = kind if isinstance(kind, int) else struct.calcsize(FORMS[kind])
            out.append((offset, size, name))
            offset += size
        return out

    def offset(self, field):
        return next(offset for offset, _, name in self.rows() if name == field)

    def read(self, cursor):
        start = cursor.at
        raw = cursor.take(self.size, self.name)
        values = dict(zip((name for name, _ in self.fields), self.struct.unpack(raw)))

        def refuse(field, message, rule):
            raise Damage(message, self.name, cursor.base + start + self.offset(field), rule)

        if self.magic is not None and values["magic"] != self.magic:
            refuse("magic", f"magic is {values['magic']!r}, expected {self.magic!r}", "CONV-6")
        checked = "crc" in values and not self.crc_free
        sound = not checked or values["crc"] == crc(raw[:-4])
        if "version" in values and values["version"] != 1:
            note = "" if sound else " (the checksum is wrong too: damage rather than another version)"
            refuse("version", f"version {values['version']} found, this reader reads 1{note}", "CONV-7")
        if not sound:
            refuse("crc", f"CRC is {values['crc']:08x}, the bytes give {crc(raw[:-4]):08x}", "CONV-5")
        for name, value in values.items():
            if name.startswith("reserved") and (any(value) if isinstance(value, bytes) else value):
                refuse(name, f"{name} is not zero", "CONV-3")
        return values

    def write(self, **values):
        """The bytes of a structure; a CRC that covers the fields before it is filled in."""
        ordered = []
        for name, kind in self.fields:
            default = bytes(kind) if isinstance(kind, int) else 0
            if name == "magic":
                default = self.magic
            elif name == "version":
                default = 1
            ordered.append(values.get(name, default))
        raw = self.struct.pack(*ordered)
        if self.fields[-1][0] == "crc" and not self.crc_free and "crc" not in values:
            raw = raw[:-4] + struct.pack("<I", crc(raw[:-4]))
        return raw

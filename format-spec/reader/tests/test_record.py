"""Records: round trips and one negative case a rule."""

import struct
import unittest

from indelible_reader.bits import Cursor, Damage, varint
from indelible_reader.record import decode_group, encode_group, read_transit

from .frames import UUID_A, event, transit

HEAD = struct.pack("<BBq", 1, 1, -5)
UUID_RAW = bytes.fromhex(UUID_A.replace("-", ""))
FULL = [
    {"kind": 1, "schema": 1, "occurred_at": -5, "workspace": "a", "lane": UUID_A, "service": "", "action": "x" * 200, "severity": 3,
     "outcome": 4, "actor_type": 250, "target_type": "\u00e9\0"},
    {"actor_id": "1", "actor_name": "2", "actor_role": "3", "actor_ip": "4", "auth_method": "5", "target_id": "6", "session": "7"},
    {"event_id": UUID_A, "correlation_id": UUID_A.upper(), "parent_id": "p", "request_id": "r"},
    {"proof": {"kind": 3, "data": "d", "url": "u", "hash": "h", "captured_at": -1}, "reason": "r", "error_code": "e",
     "error_message": "m", "metadata": "{}", "original_format": "native", "original": b"\xff\0"},
]


class RecordTest(unittest.TestCase):
    def refuse(self, rule, call, *arguments):
        with self.assertRaises(Damage) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.rule, rule, str(caught.exception))

    def test_round_trip_of_every_field(self):
        for group, values in enumerate(FULL):
            data = encode_group(group, values)
            self.assertEqual(decode_group(group, data), values)
            self.assertEqual(encode_group(group, decode_group(group, data)), data)
            for size in range(len(data)):
                with self.assertRaises(Damage):
                    decode_group(group, data[:size])

    def test_bytes_of_a_group(self):
        self.assertEqual(decode_group(2, b"\x03\x01" + UUID_RAW + b"\x04ab"), {"event_id": UUID_A, "correlation_id": "ab"})
        self.assertEqual(decode_group(1, b"\0"), {})

    def test_refusals(self):
        cases = [
            ("REC-2", 1, b"\x80"), ("REC-2", 2, b"\x10"), ("REC-2", 3, b"\x80"),
            ("REC-3", 1, b"\0\0"), ("REC-3", 0, HEAD + b"\0\0"),
            ("REC-4", 2, b"\x01\x03a"), ("REC-5", 2, b"\x01" + varint(72) + UUID_A.encode()),
            ("REC-6", 2, b"\x01\x02\xff"), ("REC-6", 2, b"\x01\x06\xed\xa0\x80"), ("REC-6", 2, b"\x01\x04\xc0\x80"),
            ("REC-7", 0, b"\0" + HEAD[1:] + b"\0"), ("REC-7", 0, b"\x10" + HEAD[1:] + b"\0"),
            ("REC-7", 0, b"\x01\x02" + HEAD[2:] + b"\0"), ("CONV-6", 0, HEAD + b"\x10\0"),
            ("CONV-6", 3, b"\x01\0\0"), ("CONV-3", 3, b"\x01\x01\x10"),
            ("CONV-1", 2, b"\x01\x84\x00ab"), ("CONV-5", 2, b"\x01\xfe\xff\x7f"),
        ]
        for rule, group, data in cases:
            with self.subTest(rule=rule, data=data):
                self.refuse(rule, decode_group, group, data)

    def test_varints(self):
        for value in (0, 1, 127, 128, 300, (1 << 64) - 1):
            cursor = Cursor(varint(value), "varint")
            self.assertEqual(cursor.varint(), value)
            cursor.done()
        for data in (b"\x80\x00", b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x01", b"\xff" * 9 + b"\x80\x00"):
            self.refuse("CONV-1", Cursor(data, "varint").varint)

    def test_packed(self):
        self.assertEqual(Cursor(b"\xb9\x01", "p").packed(3, 3), [1, 7, 6])
        self.refuse("CONV-2", Cursor(b"\xb9\x03", "p").packed, 3, 3)
        self.refuse("CONV-2", Cursor(bytes(100), "p").packed, 1, 65)

    def test_transit(self):
        data = transit(event(5))
        cursor = Cursor(data, "record")
        recorded_at, klass, groups = read_transit(cursor)
        self.assertEqual((klass, recorded_at, cursor.left), (1, event(5)[1], 0))
        self.assertEqual([decode_group(k, g) for k, g in enumerate(groups)], event(5)[2])
        head = struct.pack("<qH", 0, 1)
        self.refuse("REC-9", read_transit, Cursor(head + b"\x0b\x01\x00\x01" + HEAD + bytes(3), "record"))
        self.refuse("REC-9", read_transit, Cursor(head + b"\x0a\x01\x01\x01" + HEAD + bytes(3), "record"))
        self.refuse("REC-1", read_transit, Cursor(head + b"\x0b\x01\x01" + varint(1_048_576 - 12) + HEAD + bytes(1_048_600), "record"))
        self.refuse("REC-9", read_transit, Cursor(bytes(64), "record"))

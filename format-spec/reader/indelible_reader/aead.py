"""XChaCha20-Poly1305 in plain Python, opening only (09-encryption.md). Slow: meant for vectors.

    sealed = nonce 24 || ciphertext || tag 16; HChaCha20 of key and nonce[0..16] gives the ChaCha20 key.
"""

import hmac
import struct

from .bits import Damage, Layout

ASSOCIATED_DATA = Layout("AssociatedData", [
    ("magic", 8), ("log_id", 16), ("file_id", "u64"), ("generation", "u32"), ("kind", "u32"), ("number", "u64"),
    ("first_seq", "u64"), ("count", "u32"), ("reserved", "u32")], magic=b"INDELAAD")
JOURNAL_GENERATION = 0xFFFFFFFF
CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
ROUNDS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
          (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def permute(state):
    x = list(state)
    for _ in range(10):
        for a, b, c, d in ROUNDS:
            for first, second, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[first] = (x[first] + x[second]) & 0xFFFFFFFF
                mixed = x[third] ^ x[first]
                x[third] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF
    return x


def hchacha20(key, nonce16):
    x = permute(CONSTANTS + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))
    return struct.pack("<8I", *x[:4], *x[12:])


def keystream(key, nonce12, counter):
    state = CONSTANTS + struct.unpack("<8I", key) + (counter,) + struct.unpack("<3I", nonce12)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(permute(state), state)))


def apply_stream(key, nonce12, data):
    out = bytearray()
    for index in range(0, len(data), 64):
        block = keystream(key, nonce12, 1 + index // 64)
        out += bytes(a ^ b for a, b in zip(data[index:index + 64], block))
    return bytes(out)


def poly1305(key32, message):
    r = int.from_bytes(key32[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for index in range(0, len(message), 16):
        total = (total + int.from_bytes(message[index:index + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key32[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def tag_of(key, nonce12, associated, ciphertext):
    pad = lambda data: data + bytes(-len(data) % 16)
    return poly1305(keystream(key, nonce12, 0)[:32],
                    pad(associated) + pad(ciphertext) + struct.pack("<QQ", len(associated), len(ciphertext)))


def derive(key, nonce24):
    return hchacha20(key, nonce24[:16]), bytes(4) + nonce24[16:]


def unseal(key, sealed, associated, what="block"):
    """The plaintext, or damage that names the block [ENC-1]."""
    if len(sealed) < 40:
        raise Damage(f"sealed {what} has {len(sealed)} bytes, fewer than nonce and tag", "encryption", None, "ENC-1")
    subkey, nonce12 = derive(key, sealed[:24])
    ciphertext, tag = sealed[24:-16], sealed[-16:]
    if not hmac.compare_digest(tag, tag_of(subkey, nonce12, associated, ciphertext)):
        raise Damage(f"the tag of {what} does not verify", "encryption", None, "ENC-1")
    return apply_stream(subkey, nonce12, ciphertext)

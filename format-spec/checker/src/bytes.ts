/** Bytes read strictly, front to back (chapter 00): every read says what it wanted, nothing is read past the end. */

export class Refused extends Error {}

export function refuse(why: string): never {
  throw new Refused(why);
}

/** CRC-32 (ISO-HDLC): finds accidents, not tampering. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Ascending by bytes. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at++) {
    const difference = a[at]! - b[at]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function little(value: bigint, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let left = BigInt.asUintN(size * 8, value);
  for (let at = 0; at < size; at++) {
    out[at] = Number(left & 0xffn);
    left >>= 8n;
  }
  return out;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(bytes: Uint8Array, what: string): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return refuse(`${what} is not UTF-8`);
  }
}

export class Reader {
  at = 0;
  constructor(
    readonly bytes: Uint8Array,
    readonly name: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(size: number, what: string): Uint8Array {
    if (size > this.left) refuse(`${this.name}: ${what} at byte ${this.at} needs ${size} bytes, ${this.left} are left`);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  unsigned(size: number, what: string): bigint {
    return this.take(size, what).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  u8(what: string): number {
    return Number(this.unsigned(1, what));
  }

  u16(what: string): number {
    return Number(this.unsigned(2, what));
  }

  u64(what: string): bigint {
    return this.unsigned(8, what);
  }

  i64(what: string): bigint {
    return BigInt.asIntN(64, this.u64(what));
  }

  hash(what: string): Uint8Array {
    return this.take(32, what);
  }

  zeros(size: number, what: string): void {
    if (this.take(size, what).some((byte) => byte !== 0)) refuse(`${this.name}: ${what} is not zero`);
  }

  /** LEB128, minimal, at most ten bytes and 64 bits. */
  varint(what: string): bigint {
    let value = 0n;
    for (let index = 0; index < 10; index++) {
      const byte = this.u8(what);
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) {
        if (byte === 0 && index > 0) refuse(`${this.name}: ${what} is not minimal`);
        if (value >> 64n) refuse(`${this.name}: ${what} exceeds 64 bits`);
        return value;
      }
    }
    return refuse(`${this.name}: ${what} is longer than ten bytes`);
  }

  /** A length, checked against what is left before anything is taken. */
  length(what: string): number {
    const length = this.varint(what);
    if (length > BigInt(this.left)) refuse(`${this.name}: ${what} ${length} is more than the ${this.left} bytes left`);
    return Number(length);
  }

  end(): void {
    if (this.left > 0) refuse(`${this.name}: ${this.left} bytes follow the end`);
  }
}

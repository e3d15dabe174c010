/** Filters (chapter 11): what rows of a bundle pass. */

import { Reader, compare, refuse, utf8 } from './bytes.js';
import { FIELDS, KIND, type Envelope, type FieldValue } from './record.js';

export type Filter =
  | { op: 'any of'; field: number; texts: string[] }
  | { op: 'prefix'; field: number; text: string }
  | { op: 'codes'; field: number; codes: number[] }
  | { op: 'present'; field: number }
  | { op: 'occurred' | 'recorded'; from?: bigint; to?: bigint }
  | { op: 'all' | 'any'; filters: Filter[] }
  | { op: 'not'; filter: Filter };

/** Bits 0 to 3: groups; bit 4: the header. */
export const HEADER = 16;
const LEVELS_MAX = 32;
const FILTERS_MAX = 4096;

export interface Tested {
  fields: Map<number, FieldValue>;
  envelope?: Envelope;
  recordedAt: bigint;
}

export function takeFilter(reader: Reader): Filter {
  let left = FILTERS_MAX;
  const take = (levels: number): Filter => {
    if (levels === 0 || left-- === 0) refuse('the filter has too many levels or parts');
    const op = reader.u8('filter op');
    switch (op) {
      case 1:
        return { op: 'any of', field: takeField(reader, 'text'), texts: takeTexts(reader) };
      case 2:
        return { op: 'prefix', field: takeField(reader, 'text'), text: takeText(reader).text };
      case 3:
        return { op: 'codes', field: takeField(reader, 'code'), codes: takeCodes(reader) };
      case 4:
        return { op: 'present', field: takeField(reader, 'text', 'code') };
      case 5:
      case 6: {
        const flags = reader.u8('filter flags');
        if (flags > 3) refuse('unknown filter flags');
        const from = flags & 1 ? { from: reader.i64('filter time') } : {};
        const to = flags & 2 ? { to: reader.i64('filter time') } : {};
        return { op: op === 5 ? 'occurred' : 'recorded', ...from, ...to };
      }
      case 7:
      case 8: {
        const count = reader.varint('filter count');
        const filters: Filter[] = [];
        for (let at = 0n; at < count; at++) filters.push(take(levels - 1));
        return { op: op === 7 ? 'all' : 'any', filters };
      }
      case 9:
        return { op: 'not', filter: take(levels - 1) };
      default:
        return refuse(`unknown filter op ${op}`);
    }
  };
  return take(LEVELS_MAX);
}

function takeField(reader: Reader, ...types: string[]): number {
  const id = reader.u8('filter field');
  const type = id === KIND ? 'code' : FIELDS[id]?.type;
  return type && types.includes(type) ? id : refuse(`no field ${id} for this test`);
}

function takeText(reader: Reader): { text: string; bytes: Uint8Array } {
  const bytes = reader.take(reader.length('filter text'), 'filter text');
  return { text: utf8(bytes, 'filter text'), bytes };
}

function takeTexts(reader: Reader): string[] {
  const count = reader.varint('filter count');
  if (count === 0n) refuse('a list of the filter is empty');
  const texts: string[] = [];
  let before: Uint8Array | undefined;
  for (let at = 0n; at < count; at++) {
    const { text, bytes } = takeText(reader);
    if (before && compare(before, bytes) >= 0) refuse('texts of the filter do not ascend');
    before = bytes;
    texts.push(text);
  }
  return texts;
}

function takeCodes(reader: Reader): number[] {
  const codes = Array.from(reader.take(reader.length('filter codes'), 'filter codes'));
  if (codes.length === 0) refuse('a list of the filter is empty');
  if (codes.some((code, at) => code <= (at > 0 ? codes[at - 1]! : 0))) refuse('codes of the filter do not ascend');
  return codes;
}

/** What must be open of a record for the filter to be decided. */
export function needs(filter: Filter): number {
  switch (filter.op) {
    case 'any of':
    case 'prefix':
    case 'codes':
    case 'present': {
      const group = filter.field === KIND ? 0 : FIELDS[filter.field]!.group;
      return group === 0 ? 1 | HEADER : 1 << group;
    }
    case 'occurred':
      return 1 | HEADER;
    case 'recorded':
      return HEADER;
    case 'all':
    case 'any':
      return filter.filters.reduce((mask, part) => mask | needs(part), 0);
    case 'not':
      return needs(filter.filter);
  }
}

export function passes(filter: Filter, row: Tested): boolean {
  const within = (time: bigint, range: { from?: bigint; to?: bigint }): boolean =>
    (range.from === undefined || time >= range.from) && (range.to === undefined || time < range.to);
  const envelope = (): Envelope => row.envelope ?? refuse('the envelope that the filter tests is closed');
  switch (filter.op) {
    case 'any of': {
      const value = row.fields.get(filter.field);
      return typeof value === 'string' && filter.texts.includes(value);
    }
    case 'prefix': {
      const value = row.fields.get(filter.field);
      return typeof value === 'string' && value.startsWith(filter.text);
    }
    case 'codes': {
      const value = filter.field === KIND ? envelope().kind : row.fields.get(filter.field);
      return typeof value === 'number' && filter.codes.includes(value);
    }
    case 'present':
      return filter.field === KIND || row.fields.has(filter.field);
    case 'occurred':
      return within(envelope().occurredAt, filter);
    case 'recorded':
      return within(row.recordedAt, filter);
    case 'all':
      return filter.filters.every((part) => passes(part, row));
    case 'any':
      return filter.filters.some((part) => passes(part, row));
    case 'not':
      return !passes(filter.filter, row);
  }
}

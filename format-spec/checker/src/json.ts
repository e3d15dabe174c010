/** JSON bodies read strictly (chapter 13): known members, each once, numbers that are integers from 0. */

import { refuse } from './bytes.js';

export type Json = null | boolean | bigint | string | Json[] | Map<string, Json>;

const DEPTH_MAX = 100;
const NUMBER_MAX = (1n << 64n) - 1n;

/** The value of a text; JSON.parse takes a member that stands twice, and fractions, so it will not do. */
export function parseJson(text: string): Json {
  let at = 0;
  const wrong = (): never => refuse(`a body is not as it must be at character ${at}`);
  const skip = (): void => {
    while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  };
  const take = (token: string): boolean => {
    skip();
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  };
  const takeText = (): string => {
    const found = /"(?:[^"\\]|\\.)*"/suy;
    found.lastIndex = at;
    const token = found.exec(text)?.[0] ?? wrong();
    at += token.length;
    let value: string;
    try {
      value = JSON.parse(token) as string;
    } catch {
      return wrong();
    }
    return /\p{Surrogate}/u.test(value) ? wrong() : value;
  };
  const takeValue = (depth: number): Json => {
    if (depth > DEPTH_MAX) wrong();
    if (take('null')) return null;
    if (take('true')) return true;
    if (take('false')) return false;
    if (take('[')) {
      const list: Json[] = [];
      if (take(']')) return list;
      do list.push(takeValue(depth + 1));
      while (take(','));
      return take(']') ? list : wrong();
    }
    if (take('{')) return takeMembers(depth);
    if (text[at] === '"') return takeText();
    const digits = /(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
    digits.lastIndex = at;
    const number = digits.exec(text)?.[0] ?? wrong();
    at += number.length;
    return BigInt(number) > NUMBER_MAX ? wrong() : BigInt(number);
  };
  const takeMembers = (depth: number): Map<string, Json> => {
    const members = new Map<string, Json>();
    if (take('}')) return members;
    do {
      skip();
      const name = takeText();
      if (members.has(name) || !take(':')) wrong();
      members.set(name, takeValue(depth + 1));
    } while (take(','));
    return take('}') ? members : wrong();
  };
  const value = takeValue(0);
  skip();
  return at === text.length ? value : wrong();
}

const ESCAPES: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r' };
const escaped = (character: string): string =>
  ESCAPES[character] ?? '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0');

/** The one text of a value in acts and statements (chapter 14, ACT-9). */
export function jsonText(value: Json): string {
  if (typeof value === 'string') return '"' + value.replace(/[\u0000-\u001f"\\]/g, escaped) + '"';
  if (Array.isArray(value)) return `[${value.map(jsonText).join()}]`;
  if (value instanceof Map) return `{${[...value].map(([name, one]) => `${jsonText(name)}:${jsonText(one)}`).join()}}`;
  return String(value);
}

/** An object whose members are taken out one by one, in any order or only in the one in which they stand. */
export class Members {
  private readonly members: Map<string, Json>;

  constructor(
    value: Json,
    readonly what: string,
    private readonly ordered = false,
  ) {
    this.members = value instanceof Map ? new Map(value) : refuse(`${what}: not an object`);
  }

  private take(name: string): Json {
    const value = this.members.get(name);
    if (value === undefined) return this.fails(`${name} is missing`);
    if (this.ordered && this.members.keys().next().value !== name) return this.fails(`${name} stands elsewhere`);
    this.members.delete(name);
    return value;
  }

  fails(why: string): never {
    return refuse(`${this.what}: ${why}`);
  }

  text(name: string): string {
    const value = this.take(name);
    return typeof value === 'string' ? value : this.fails(`${name} is not a text`);
  }

  textOrNull(name: string): string | null {
    const value = this.take(name);
    return value === null || typeof value === 'string' ? value : this.fails(`${name} is neither a text nor null`);
  }

  oneOf<T extends string>(name: string, ...texts: T[]): T {
    const value = this.take(name);
    return texts.find((text) => text === value) ?? this.fails(`${name} is none of ${texts.join(', ')}`);
  }

  flag(name: string): boolean {
    const value = this.take(name);
    return typeof value === 'boolean' ? value : this.fails(`${name} is neither true nor false`);
  }

  isNull(name: string): boolean {
    return this.members.get(name) === null;
  }

  nothing(name: string): null {
    return this.take(name) === null ? null : this.fails(`${name} is not null`);
  }

  object<T>(name: string, read: (members: Members) => T): T {
    const members = new Members(this.take(name), `${this.what}, ${name}`, this.ordered);
    const object = read(members);
    members.end();
    return object;
  }

  texts(name: string): string[] {
    return this.list(name).map((value) => (typeof value === 'string' ? value : this.fails(`${name} is not a list of texts`)));
  }

  number(name: string, most = NUMBER_MAX): bigint {
    const value = this.take(name);
    return typeof value === 'bigint' && value <= most ? value : this.fails(`${name} is not such a number`);
  }

  numberOrNull(name: string): bigint | null {
    const value = this.take(name);
    return value === null || typeof value === 'bigint' ? value : this.fails(`${name} is neither a number nor null`);
  }

  numbers(name: string, most: bigint): bigint[] {
    return this.list(name).map((value) =>
      typeof value === 'bigint' && value <= most ? value : this.fails(`${name} is not a list of such numbers`),
    );
  }

  objects<T>(name: string, read: (members: Members) => T): T[] {
    return this.list(name).map((value) => {
      const members = new Members(value, `${this.what}, ${name}`, this.ordered);
      const object = read(members);
      members.end();
      return object;
    });
  }

  private list(name: string): Json[] {
    const value = this.take(name);
    return Array.isArray(value) ? value : this.fails(`${name} is not a list`);
  }

  end(): void {
    for (const name of this.members.keys()) this.fails(`unknown member ${JSON.stringify(name)}`);
  }
}

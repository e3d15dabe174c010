/** The static page: built, its script allowed by hash alone, and run over a stub of the few DOM calls it makes. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

const root = new URL('../../', import.meta.url);
const vectors = new URL('../bundle-vectors/', root);

class Element {
  children: Element[] = [];
  textContent = '';
  className = '';
  value = '';
  files: { arrayBuffer: () => Promise<ArrayBuffer> }[] = [];
  submit?: (event: { preventDefault: () => void }) => void;
  append(child: Element): void {
    this.children.push(child);
  }
  replaceChildren(): void {
    this.children = [];
  }
  addEventListener(_: string, listener: (event: { preventDefault: () => void }) => void): void {
    this.submit = listener;
  }
}

test('the page proves and refuses, and can reach nothing', async () => {
  execFileSync(process.execPath, ['page/build.mjs'], { cwd: root });
  const page = readFileSync(new URL('dist/checker.html', root), 'utf8');
  const script = page.slice(page.indexOf('<script>') + 8, page.lastIndexOf('</script>'));
  const hash = createHash('sha256').update(script).digest('base64');
  assert.ok(page.includes(`default-src 'none'; script-src 'sha256-${hash}'`));
  assert.equal(page.match(/<script/g)?.length, 1);
  assert.ok(!/fetch\(|XMLHttpRequest|WebSocket|\ssrc=/.test(page));

  const elements: Record<string, Element> = {};
  for (const id of ['form', 'file', 'key', 'result']) elements[id] = new Element();
  const document = { getElementById: (id: string) => elements[id], createElement: () => new Element() };
  runInNewContext(script, { document, TextEncoder, TextDecoder, Uint8Array, ArrayBuffer, DataView, atob, btoa, BigInt, Uint32Array, crypto });
  const run = async (name: string): Promise<string> => {
    const bytes = readFileSync(new URL(`${name}.bundle`, vectors));
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    elements['file']!.files = [{ arrayBuffer: () => Promise.resolve(buffer) }];
    elements['key']!.value = (JSON.parse(readFileSync(new URL(`${name}.json`, vectors), 'utf8')) as { key: string }).key;
    elements['form']!.submit!({ preventDefault: () => undefined });
    await new Promise((resolve) => setImmediate(resolve));
    return elements['result']!.children.map((child) => child.textContent).join('\n');
  };
  const proven = await run('bundle-record');
  assert.match(proven, /^Proven: record 77 is in the log/);
  assert.match(proven, /"seq": 77/);
  assert.match(await run('refused-edited-payload'), /^Refused: frame 1: what is shown/);
});

// Puts the checker into one HTML file, its script allowed by hash and nothing else allowed at all.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const result = await build({
  entryPoints: ['src/page.ts'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'ascii',
  write: false,
});
const script = result.outputFiles[0].text.trim().replaceAll('</script', '<\\/script');
const hash = createHash('sha256').update(script).digest('base64');
const template = readFileSync('page/page.html', 'utf8');
mkdirSync('dist', { recursive: true });
const page = template.replace('SCRIPT_HASH', () => hash).replace('<script>SCRIPT<', () => `<script>${script}<`);
writeFileSync('dist/checker.html', page);
console.log(`dist/checker.html, ${page.length} bytes`);

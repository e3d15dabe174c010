/** node build/src/cli.js FILE KEY: checks a bundle; KEY is a verifier key or a file that holds one. Exit 3: refused. */

import { existsSync, readFileSync } from 'node:fs';
import { Refused } from './bytes.js';
import { check } from './check.js';
import { deletionSentence, rowObject, sentence, summary } from './describe.js';

const [file, key, option] = process.argv.slice(2);
if (!file || !key) {
  console.error('usage: node build/src/cli.js FILE KEY [--rows]');
  process.exit(2);
}
try {
  const keyText = (existsSync(key) ? readFileSync(key, 'utf8') : key).trim();
  const report = check(readFileSync(file), keyText);
  console.log(`PROVEN      ${sentence(report)}`);
  for (const deletion of report.deletions ?? []) console.log(`DELETION    ${deletionSentence(deletion)}`);
  for (const unknown of report.unknowns) console.log(`NOT KNOWN   ${unknown}`);
  const { seqs: _, ...short } = summary(report);
  console.log(JSON.stringify(short));
  if (option === '--rows') for (const row of report.rows) console.log(JSON.stringify(rowObject(row)));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(`REFUSED     ${error.message}`);
  process.exit(3);
}

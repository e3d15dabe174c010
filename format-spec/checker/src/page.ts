/** The static page: a bundle and a key in, what is proven out. Nothing leaves the machine. */

import { Refused } from './bytes.js';
import { check } from './check.js';
import { GROUPS, deletionSentence, rowObject, sentence } from './describe.js';

const ROWS_SHOWN_MAX = 500;

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Text goes in as text, never as markup: it comes from whoever wrote the log. */
function add(parent: HTMLElement, tag: string, text: string): HTMLElement {
  const child = document.createElement(tag);
  child.textContent = text;
  parent.append(child);
  return child;
}

function show(bytes: Uint8Array, key: string): void {
  const out = element('result');
  out.replaceChildren();
  try {
    const report = check(bytes, key);
    out.className = 'proven';
    add(out, 'h2', `Proven: ${sentence(report)}`);
    add(out, 'p', `Log ${report.logId}, ${report.checkpoint.origin}, ${report.checkpoint.size} frames signed.`);
    if (report.old) add(out, 'p', `It extends the older checkpoint of ${report.old.size} frames.`);
    const opened = GROUPS.map((name, group) => `${name} of ${report.opened[group]}`).join(', ');
    add(out, 'p', `Disclosed: ${opened} records.`);
    if (report.removed > 0) add(out, 'p', `${report.removed} records of the range were removed by deletions.`);
    for (const deletion of report.deletions ?? []) add(out, 'p', `Deletion: ${deletionSentence(deletion)}.`);
    for (const unknown of report.unknowns) add(out, 'p', `Not known: ${unknown}.`);
    add(out, 'p', 'Not proven: that no other branch was signed for somebody else; that times are honest.');
    for (const row of report.rows.slice(0, ROWS_SHOWN_MAX)) add(out, 'pre', JSON.stringify(rowObject(row), null, 1));
    if (report.rows.length > ROWS_SHOWN_MAX) add(out, 'p', `and ${report.rows.length - ROWS_SHOWN_MAX} more`);
  } catch (error) {
    out.className = 'refused';
    add(out, 'h2', error instanceof Refused ? `Refused: ${error.message}` : `Refused: ${String(error)}`);
  }
}

element<HTMLFormElement>('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const file = element<HTMLInputElement>('file').files?.[0];
  const key = element<HTMLInputElement>('key').value.trim();
  if (file && key) void file.arrayBuffer().then((buffer) => show(new Uint8Array(buffer), key));
});

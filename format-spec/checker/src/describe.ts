/** A report as people and programs read it. */

import { isOpen } from './bundle.js';
import type { CheckedRow, Report } from './check.js';
import type { Deletion } from './history.js';
import { hex } from './bytes.js';
import { FIELDS, KINDS, type FieldValue } from './record.js';

export const GROUPS = ['envelope', 'identity', 'correlation', 'payload'];

const CODES: Record<string, string[]> = {
  severity: ['info', 'warning', 'critical'],
  outcome: ['success', 'failure', 'partial', 'pending'],
  actor_type: ['user', 'agent', 'system', 'webhook', 'service'],
};

function time(nanos: bigint): string {
  const seconds = nanos / 1_000_000_000n - (nanos % 1_000_000_000n < 0n ? 1n : 0n);
  const date = new Date(Number(seconds) * 1000);
  const fraction = (nanos - seconds * 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  if (Number.isNaN(date.getTime())) return `${nanos} ns`;
  return date.toISOString().slice(0, 19) + (fraction ? `.${fraction}` : '') + 'Z';
}

function valueOf(name: string, value: FieldValue): unknown {
  if (typeof value === 'number') return CODES[name]?.[value - 1] ?? value;
  if (value instanceof Uint8Array) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
    } catch {
      return { hex: hex(value) };
    }
  }
  if (typeof value === 'object' && value.capturedAt !== undefined) {
    return { ...value, capturedAt: time(value.capturedAt) };
  }
  return value;
}

export function rowObject(row: CheckedRow): Record<string, unknown> {
  const out: Record<string, unknown> = { seq: Number(row.seq), recorded_at: time(row.recordedAt), class: row.class };
  out['time'] = time(row.envelope?.occurredAt ?? row.occurredAt * 1_000_000_000n);
  if (row.envelope) out['kind'] = KINDS[row.envelope.kind - 1];
  for (const field of FIELDS) {
    const value = row.fields.get(field.id);
    if (value !== undefined) out[field.name] = valueOf(field.name, value);
  }
  out['withheld'] = GROUPS.filter((_, group) => !isOpen(row.open, group));
  return out;
}

/** What a bundle proves, in a sentence. */
export function sentence(report: Report): string {
  const count = report.rows.length;
  const end = report.reachesEnd ? ', the end of the log as it was signed' : '';
  const { claim } = report;
  switch (claim.kind) {
    case 'record':
      return `record ${claim.seq} is in the log`;
    case 'rows':
      return `${count} records are in the log and pass the filter; nothing is said of others`;
    case 'range':
      return `these ${count} records are all from seq ${claim.first} to ${claim.last}${end}`;
    case 'complete':
      return `these ${count} records are all that pass the filter among the ${report.examined} from seq ${claim.first} to ${claim.last}${end}`;
    case 'deletions':
      return 'these are all deletions of the log, each published before it was carried out and only of what might go';
  }
}

/** A deletion, in a sentence. */
export function deletionSentence(deletion: Deletion): string {
  const { effect, plan } = deletion;
  const classes = [...effect.classes].map(([number, records]) => `${records} of class ${number}`).join(', ') || 'none';
  const policies = plan.policies.map(({ name, version }) => `${name} v${version}`).join(', ');
  if (deletion.abandoned !== undefined) {
    return `intent ${deletion.intent} at ${time(plan.at * 1_000_000_000n)}: given up at seq ${deletion.abandoned}, nothing was removed`;
  }
  const done = deletion.done ? `done by seq ${deletion.done.seq}, published at ${deletion.done.size} frames` : 'not known to be done';
  return (
    `intent ${deletion.intent} at ${time(plan.at * 1_000_000_000n)}: records removed: ${classes}; ` +
    `identities ${effect.identity}, payloads ${effect.payload}; policies ${policies}; ${done}`
  );
}

/** What the vectors hold of a report: short, and the same in every implementation. */
export function summary(report: Report): Record<string, unknown> {
  return {
    claim: report.claim.kind,
    size: Number(report.checkpoint.size),
    old_size: report.old ? Number(report.old.size) : null,
    frames: report.frames,
    examined: report.examined,
    opened: report.opened,
    reaches_end: report.reachesEnd,
    keys: report.keys,
    removed: report.removed,
    deletions: report.deletions?.map(deletionObject) ?? null,
    unknowns: report.unknowns.length,
    seqs: report.rows.map((row) => Number(row.seq)),
  };
}

function deletionObject({ intent, plan, key, effect, done }: Deletion): Record<string, unknown> {
  return {
    intent: Number(intent),
    at: Number(plan.at),
    key,
    policies: plan.policies.map(({ name, version }) => [name, Number(version)]),
    holds: plan.holds.map(({ name }) => name),
    frames: effect.frames,
    classes: [...effect.classes].sort((a, b) => a[0] - b[0]),
    identity: effect.identity,
    payload: effect.payload,
    unknown: effect.unknown,
    done: done ? Number(done.seq) : null,
    published: done ? Number(done.size) : null,
  };
}

/** Checks a bundle against a verifier key, in the order of chapter 11, "What a checker does". */

import {
  type Bundle,
  type Claim,
  type ClassEntry,
  type Frame,
  type Row,
  type TreeProof,
  genesisInput,
  hasHeader,
  inTree,
  isOpen,
  ranked,
  readBundle,
} from './bundle.js';
import { Reader, concat, equal, hex, little, refuse } from './bytes.js';
import { needs, passes } from './filter.js';
import {
  type Hash,
  b3,
  checkConsistency,
  classNode,
  groupHash,
  logLeaf,
  logNode,
  multiproofRoot,
  saltOf,
} from './hashes.js';
import { type Checkpoint, checkWitnesses, openNote, parseKey, parsePolicy } from './note.js';
import { type Envelope, type FieldValue, readGroup, takeEnvelope } from './record.js';

export interface CheckedRow {
  seq: bigint;
  class: number;
  open: number;
  recordedAt: bigint;
  /** Whole seconds. */
  occurredAt: bigint;
  envelope?: Envelope;
  fields: Map<number, FieldValue>;
}

export interface Report {
  logId: string;
  claim: Claim;
  checkpoint: Checkpoint;
  old?: Checkpoint;
  frames: number;
  examined: number;
  /** Records whose group k is open. */
  opened: [number, number, number, number];
  reachesEnd: boolean;
  rows: CheckedRow[];
}

const floorSeconds = (nanos: bigint): bigint => {
  const seconds = nanos / 1_000_000_000n;
  return nanos < seconds * 1_000_000_000n ? seconds - 1n : seconds;
};

/** Checks a bundle file, with a witness policy its cosignatures too; throws `Refused` with the first thing that does not hold. */
export function check(bytes: Uint8Array, keyText: string, policyText?: string): Report {
  const key = parseKey(keyText);
  const bundle = readBundle(bytes);
  const checkpoint = openNote(bundle.checkpoint, key);
  if (policyText) checkWitnesses(bundle.checkpoint, parsePolicy(policyText));
  let old: Checkpoint | undefined;
  if (bundle.old) {
    old = openNote(bundle.old.note, key);
    checkConsistency(old.size, old.root, checkpoint.size, checkpoint.root, bundle.old.proof);
  }
  const rows = checkFrames(bundle, checkpoint, b3('genesis', genesisInput(bundle.logId, key.name, key.text)));
  const report = checkClaim(bundle, checkpoint, rows);
  return old ? { ...report, old } : report;
}

/** Everything up to the signed root; gives the rows, read. */
function checkFrames(bundle: Bundle, checkpoint: Checkpoint, genesis: Hash): CheckedRow[] {
  const leaves: { index: bigint; hash: Hash }[] = [];
  const rows: CheckedRow[] = [];
  let before: Frame | undefined;
  let chain = genesis;
  for (const frame of bundle.frames) {
    const { descriptor } = frame;
    const fails = (why: string): never => refuse(`frame ${descriptor.frameNo}: ${why}`);
    if (!equal(descriptor.logId, bundle.logId)) fails('it belongs to another log');
    checkOrder(frame, before, fails);
    rows.push(...readRows(frame, fails));
    if (!equal(frameRoot(frame, fails), descriptor.frameRoot)) fails('what is shown is not what its root commits to');
    for (const entry of descriptor.classes) checkTimes(frame, entry, fails);
    const hashed = concat(descriptor.stored, frame.chainBefore ?? chain);
    leaves.push({ index: descriptor.frameNo, hash: logLeaf(hashed) });
    chain = b3('chain', hashed);
    before = frame;
  }
  const proof = bundle.tree[Symbol.iterator]();
  const next = (): Hash => proof.next().value ?? refuse('the log-tree proof is too short');
  const root = multiproofRoot(checkpoint.size, leaves, next, logNode);
  if (!equal(root, checkpoint.root)) refuse('the frames are not in the tree that the checkpoint signs');
  return rows;
}

function checkOrder(frame: Frame, before: Frame | undefined, fails: (why: string) => never): void {
  const here = frame.descriptor;
  if (here.frameNo === 0n && here.firstSeq !== 0n) fails('frame 0 begins at seq 0');
  if (!before) return;
  const there = before.descriptor;
  const end = there.firstSeq + BigInt(there.count);
  const adjoins = there.frameNo + 1n === here.frameNo;
  if (here.firstSeq < end || (adjoins && here.firstSeq !== end)) fails(`it does not follow seq ${end - 1n}`);
  const falls =
    here.scheduleVersion < there.scheduleVersion ||
    here.keyEpoch < there.keyEpoch ||
    here.lostEvents < there.lostEvents;
  if (falls) fails('schedule version, key epoch or lost events fall');
}

/** Group bytes must be canonical, and kinds stand where they may. */
function readRows(frame: Frame, fails: (why: string) => never): CheckedRow[] {
  const { descriptor } = frame;
  return frame.rows.map((row) => {
    const entry = descriptor.classes.find((one) => one.positions.includes(row.position))!;
    const fields = new Map<number, FieldValue>();
    row.groups.forEach((bytes, group) => {
      if (bytes) readGroup(group, bytes).forEach((value, id) => fields.set(id, value));
    });
    const seq = descriptor.firstSeq + BigInt(row.position);
    const occurredAt = hasHeader(row.open) ? occurredOf(row) : 0n;
    const checked = { seq, class: entry.class, open: row.open, recordedAt: row.recordedAt, occurredAt, fields };
    if (!row.groups[0]) return checked;
    const envelope = takeEnvelope(new Reader(row.groups[0], 'envelope'));
    const permanent = entry.class === 0;
    const sound = envelope.kind === 1 ? !permanent : envelope.kind === 12 || permanent;
    if (!sound || (envelope.kind === 2) !== (seq === 0n)) fails(`no record of its kind stands at seq ${seq}`);
    return { ...checked, envelope };
  });
}

function occurredOf(row: Row): bigint {
  if (row.closedEnvelope) return row.closedEnvelope.occurredAt;
  return floorSeconds(takeEnvelope(new Reader(row.groups[0]!, 'envelope')).occurredAt);
}

function frameRoot(frame: Frame, fails: (why: string) => never): Hash {
  const roots: Hash[] = [];
  frame.descriptor.classes.forEach((entry, index) => {
    const rows = ranked(entry, frame.rows);
    for (let group = 0; group < 4; group++) {
      const tree = frame.classes[index]![group]!;
      const leaves = rows
        .filter(({ row }) => inTree(row, group))
        .map(({ rank, row }) => ({ index: BigInt(rank), hash: leafOf(frame, entry, group, tree, rank, row) }));
      const proof = tree.hashes[Symbol.iterator]();
      const next = (): Hash => proof.next().value ?? fails('a class proof is too short');
      roots.push(multiproofRoot(BigInt(entry.positions.length), leaves, next, classNode));
    }
  });
  return b3('frame', ...roots);
}

function leafOf(frame: Frame, entry: ClassEntry, group: number, tree: TreeProof, rank: number, row: Row): Hash {
  let g = row.closedEnvelope?.hash;
  if (group > 0 || !g) {
    const salt = tree.key ? saltOf(tree.key, rank) : row.salts[group];
    const bytes = row.groups[group];
    if (!salt || !bytes) return refuse('a group that is open is missing');
    g = groupHash(salt, group, bytes);
  }
  if (group > 0) return g;
  return b3(
    'leaf',
    little(frame.descriptor.firstSeq + BigInt(row.position), 8),
    little(row.recordedAt, 8),
    little(occurredOf(row), 8),
    little(BigInt(entry.class), 2),
    new Uint8Array(3),
    g,
  );
}

function checkTimes(frame: Frame, entry: ClassEntry, fails: (why: string) => never): void {
  const rows = ranked(entry, frame.rows).filter(({ row }) => hasHeader(row.open));
  if (rows.length === 0) return;
  const recorded = rows.map(({ row }) => floorSeconds(row.recordedAt));
  const least = (times: bigint[]): bigint => times.reduce((a, b) => (a < b ? a : b));
  const most = (times: bigint[]): bigint => times.reduce((a, b) => (a > b ? a : b));
  const [min, max, latest] = [least(recorded), most(recorded), most(rows.map(({ row }) => occurredOf(row)))];
  const within = min >= entry.recordedMin && max <= entry.recordedMax && latest <= entry.occurredMax;
  const exact = min === entry.recordedMin && max === entry.recordedMax && latest === entry.occurredMax;
  if (!within || (rows.length === entry.positions.length && !exact)) {
    fails(`times of class ${entry.class} are not those of the class table`);
  }
}

function checkClaim(bundle: Bundle, checkpoint: Checkpoint, rows: CheckedRow[]): Report {
  const { claim, frames } = bundle;
  const fails = (why: string, seq?: bigint): never =>
    refuse(`the claim does not hold${seq === undefined ? '' : ` at seq ${seq}`}: ${why}`);
  if (frames.some((frame) => frame.rows.length === 0)) fails('a frame shows no row');
  if (claim.kind === 'range' || claim.kind === 'complete') checkRange(bundle, claim, rows, fails);
  if (claim.kind === 'complete') {
    if (needs(claim.filter) !== claim.disclosed) fails('it discloses something else than its filter needs');
    if (claim.disclosed & 0b1010) fails('completeness is proven over envelope and correlation columns only');
  }
  const shown = rows.filter((row) => {
    const show = isShown(claim, row, fails);
    if (show && !hasHeader(row.open)) fails('its header is closed', row.seq);
    return show;
  });
  if (claim.kind === 'record' && shown.length !== 1) fails('not exactly one record is shown', claim.seq);
  const last = frames.at(-1)!.descriptor;
  const opened = [0, 1, 2, 3].map((group) => rows.filter((row) => isOpen(row.open, group)).length);
  return {
    logId: hex(bundle.logId),
    claim,
    checkpoint,
    frames: frames.length,
    examined: rows.length,
    opened: opened as [number, number, number, number],
    reachesEnd:
      (claim.kind === 'range' || claim.kind === 'complete') &&
      last.frameNo + 1n === checkpoint.size &&
      claim.last + 1n === last.firstSeq + BigInt(last.count),
    rows: shown,
  };
}

/** Every seq of the range has a row, and no other has one. */
function checkRange(
  bundle: Bundle,
  claim: { first: bigint; last: bigint },
  rows: CheckedRow[],
  fails: (why: string, seq?: bigint) => never,
): void {
  if (claim.first > claim.last) fails('the range ends before it begins');
  const numbers = bundle.frames.map((frame) => frame.descriptor.frameNo);
  if (numbers.some((number, at) => at > 0 && number !== numbers[at - 1]! + 1n)) fails('a frame of the range is left out');
  let next = claim.first;
  for (const row of rows) {
    if (row.seq !== next) fails('the record is not shown, though the claim covers it', next);
    next++;
  }
  if (next <= claim.last) fails('the record is not shown, though the claim covers it', next);
  if (next > claim.last + 1n) fails('records beyond the claim are shown', claim.last);
}

function isShown(claim: Claim, row: CheckedRow, fails: (why: string, seq?: bigint) => never): boolean {
  switch (claim.kind) {
    case 'record':
      return row.seq === claim.seq || fails('it is not the record claimed', row.seq);
    case 'range':
      return true;
    case 'rows': {
      const wanted = needs(claim.filter);
      if ((row.open & wanted) !== wanted) fails('what the filter needs is closed', row.seq);
      return passes(claim.filter, row) || fails('the record does not pass the filter', row.seq);
    }
    case 'complete': {
      const { disclosed } = claim;
      if ((row.open & disclosed) !== disclosed) fails('what the claim discloses of every record is closed', row.seq);
      const shown = passes(claim.filter, row);
      if (!shown && row.open !== disclosed) fails('more of a record that does not pass is open than needed', row.seq);
      return shown;
    }
  }
}

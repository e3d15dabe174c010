/** The signing keys of a log, from the first (chapter 03, Rotation): which key signs which sizes. */

import { Refused, refuse } from './bytes.js';
import { type Checkpoint, type VerifierKey, openNote, parseKey } from './note.js';

export interface Rotation {
  key: VerifierKey;
  checkpoint: Checkpoint;
}

export class Trail {
  readonly rotations: Rotation[] = [];

  constructor(readonly first: VerifierKey) {}

  get keys(): VerifierKey[] {
    return [this.first, ...this.rotations.map((rotation) => rotation.key)];
  }

  /** Adds the next epoch, from the text of its rotation file. */
  push(text: string): void {
    const border = text.indexOf('\n');
    if (border < 0) refuse('a rotation has no line with its key');
    const key = parseKey(text.slice(0, border));
    const note = text.slice(border + 1);
    if (this.keys.some((one) => one.text === key.text)) refuse('a rotation brings a key that the log had before');
    const checkpoint = openNote(note, this.keys.at(-1)!);
    openNote(note, key);
    const before = this.rotations.at(-1);
    if (before && before.checkpoint.size > checkpoint.size) refuse('a rotation is of fewer frames than the one before');
    this.rotations.push({ key, checkpoint });
  }

  /** The checkpoint of a note that the log's key of its size signed. */
  open(note: string): Checkpoint {
    let refused: Refused | undefined;
    for (let epoch = this.rotations.length; epoch >= 0; epoch--) {
      let checkpoint: Checkpoint;
      try {
        checkpoint = openNote(note, this.keys[epoch]!);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refused ??= error;
        continue;
      }
      const from = this.rotations[epoch - 1]?.checkpoint.size ?? 0n;
      const to = this.rotations[epoch]?.checkpoint.size;
      if (checkpoint.size < from || (to !== undefined && checkpoint.size > to)) {
        refuse(`the key that signed ${checkpoint.size} frames was not the log's key at that size`);
      }
      return checkpoint;
    }
    throw refused!;
  }
}

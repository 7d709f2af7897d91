import { opendirSync, statSync, type Dir, type Dirent } from 'node:fs';
import { join } from 'node:path';

import { isCameraName } from '../cameras/camera-name.js';
import type { SegmentFacts } from '../native/types.js';
import type { SegmentWriter } from '../database/segment-writer.js';
import { DiskError, isSegmentName, isUnfinishedName, type SegmentFiles } from './segment-files.js';
import type { CheckReport } from './types.js';

export interface ReconcileParts {
  readonly files: SegmentFiles;
  readonly index: SegmentWriter;
  /** True: the proxy has just started. False: an operator requested the check. */
  readonly atStart: boolean;
  /** Called with the bytes that were added to the index for a camera; negative: removed. */
  count(camera: string, bytes: number): void;
}

const MAX_FOREIGN = 100;
const PAGE = 500;
const NOT_OURS = ['EACCES', 'EPERM', 'ENOENT'];

/**
 * Compares the folder with the index and corrects the index. Yields after each piece of work, so that recording goes on in
 * between. Returns the report. Throws DiskError and the errors of the index.
 */
export function* reconcile(parts: ReconcileParts): Generator<undefined, CheckReport> {
  const report = { good: 0, added: 0, missing: 0, removed: 0, foreignCount: 0, foreign: [] as string[] };
  parts.files.expectDisk();
  if (parts.atStart) expectRecordings(parts);
  const run = new Reconciliation(parts, report);
  yield* run.folder();
  yield* run.index();
  return report;
}

/** At boot the disk may not be mounted yet. The index must survive that. */
function expectRecordings({ files, index }: ReconcileParts): void {
  const cameras = index.cameras();
  if (cameras.length === 0 || cameras.some((camera) => files.isRealFolder(camera))) return;
  throw new DiskError(
    'ENODEV',
    `None of the recordings are in ${files.folder}. If its disk is not mounted, mount it. If they are lost, ` +
      '"chrysproxy recordings check" removes them from the index.',
  );
}

type Report = { -readonly [K in keyof Omit<CheckReport, 'foreign'>]: number } & { readonly foreign: string[] };

class Reconciliation {
  constructor(
    private readonly parts: ReconcileParts,
    private readonly report: Report,
  ) {}

  /** Checks everything in the folder. */
  *folder(): Generator<undefined> {
    const { folder } = this.parts.files;
    for (const entry of entriesOf(folder)) {
      yield;
      if (entry.isDirectory() && isCameraName(entry.name)) yield* this.camera(entry.name);
      else this.addForeign(entry.name);
    }
  }

  /** Checks every row of the index. */
  *index(): Generator<undefined> {
    const { files, index } = this.parts;
    for (const camera of index.cameras()) {
      let afterId = 0;
      for (let page = index.files(camera, 0, PAGE); page.length > 0; page = index.files(camera, afterId, PAGE)) {
        for (const { id, file, bytes } of page) {
          yield;
          afterId = id;
          if (files.regularFile(camera, file) !== undefined) {
            this.report.good += 1;
          } else if (index.knows(camera, file)) {
            index.remove(id);
            this.parts.count(camera, -bytes);
            this.report.missing += 1;
          }
        }
      }
    }
    this.report.good = Math.max(0, this.report.good - this.report.added);
  }

  private *camera(camera: string): Generator<undefined> {
    for (const entry of entriesOf(join(this.parts.files.folder, camera))) {
      yield;
      if (entry.isFile() && isUnfinishedName(entry.name)) this.unfinished(camera, entry.name);
      else if (!entry.isFile() || !isSegmentName(entry.name)) this.addForeign(join(camera, entry.name));
      else if (!this.parts.index.knows(camera, entry.name)) this.unknown(camera, entry.name);
    }
  }

  /** Handles a file that a crash left. The recorder itself has no unfinished file between two segments. */
  private unfinished(camera: string, name: string): void {
    const { files } = this.parts;
    const facts = this.factsOf(camera, name);
    if (facts === 'unreadable') {
      this.addForeign(join(camera, name));
      return;
    }
    if (facts === undefined) {
      files.remove(camera, name);
      this.report.removed += 1;
      return;
    }
    this.add(camera, files.finish(camera, name, facts).file, facts);
  }

  private unknown(camera: string, name: string): void {
    const facts = this.factsOf(camera, name);
    if (facts === undefined || facts === 'unreadable') this.addForeign(join(camera, name));
    else this.add(camera, name, facts);
  }

  /** Undefined: the file is not a complete segment of the proxy. 'unreadable': it belongs to another user or was removed meanwhile. */
  private factsOf(camera: string, name: string): SegmentFacts | 'unreadable' | undefined {
    const { files } = this.parts;
    try {
      return files.regularFile(camera, name) && files.read(camera, name);
    } catch (error) {
      if (error instanceof DiskError && NOT_OURS.includes(error.code)) return 'unreadable';
      throw error;
    }
  }

  private add(camera: string, file: string, facts: SegmentFacts): void {
    if (this.parts.index.knows(camera, file)) return;
    this.parts.index.insert(camera, file, facts);
    this.parts.count(camera, facts.bytes);
    this.report.added += 1;
  }

  private addForeign(path: string): void {
    this.report.foreignCount += 1;
    if (this.report.foreign.length < MAX_FOREIGN) this.report.foreign.push(path);
  }
}

/** Yields nothing when there is no folder. Entries that are added or removed meanwhile may be missing. */
function* entriesOf(path: string): Generator<Dirent> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  let folder: Dir | undefined;
  try {
    folder = opendirSync(path);
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) yield entry;
  } finally {
    folder?.closeSync();
  }
}

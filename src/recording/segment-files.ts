import { lstatSync, mkdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';

import { syncFolderSync } from '../base/atomic-file.js';
import { messageOf } from '../base/errors.js';
import { isCameraName } from '../cameras/camera-name.js';
import type { NativeAddon, SegmentFacts, SegmentOptions } from '../native/types.js';
import { MountPoint } from './mount-point.js';

/** What is wrong with a disk or a folder on it: `code` is that of the system, the message says what to do. */
export class DiskError extends Error {
  override readonly name = 'DiskError';

  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A segment that lies finished in its camera's folder. */
export interface SegmentFile {
  readonly file: string;
  readonly facts: SegmentFacts;
}

const SEGMENT_NAME = /^\d{1,16}_\d{1,12}\.mp4$/;
const UNFINISHED_NAME = /^\.\d{1,16}\.part$/;

export function isSegmentName(name: string): boolean {
  return SEGMENT_NAME.test(name);
}

export function isUnfinishedName(name: string): boolean {
  return UNFINISHED_NAME.test(name);
}

export function segmentPath(folder: string, camera: string, file: string): string {
  return join(folder, camera, file);
}

/** The folders and files of the recording: `<folder>/<camera>/<start ms>_<duration ms>.mp4`. Blocks: recorder worker. */
export class SegmentFiles {
  private readonly mountPoint: MountPoint;

  constructor(
    readonly folder: string,
    private readonly addon: Pick<NativeAddon, 'writeSegment' | 'readSegment'>,
  ) {
    this.mountPoint = new MountPoint(folder);
  }

  /**
   * Writes packets of a ring into a file, which is on the disk under its name when this returns. Undefined: the ring's
   * writer has overtaken it. Throws DiskError.
   */
  write(camera: string, options: Omit<SegmentOptions, 'path'>): SegmentFile | undefined {
    try {
      return this.tryWrite(camera, options);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw this.explained(camera, error);
    }
    try {
      // Somebody has removed the folder, or it never was.
      mkdirSync(this.folderOf(camera), { recursive: true });
      return this.tryWrite(camera, options);
    } catch (error) {
      throw this.explained(camera, error);
    }
  }

  /** Throws DiskError while the disk that was written to is not mounted: what is missing then is not gone. */
  expectDisk(): void {
    const { missing } = this.mountPoint;
    if (missing !== undefined) throw new DiskError('ENODEV', awayText(missing));
  }

  /** Undefined: there is no such file, or it is no regular file in a folder that is none of a link. Throws DiskError. */
  regularFile(camera: string, file: string): Stats | undefined {
    try {
      const stats = lstatSync(segmentPath(this.folder, camera, file), { throwIfNoEntry: false });
      return stats?.isFile() === true && this.isRealFolder(camera) ? stats : undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOTDIR') return undefined;
      throw this.explained(camera, error);
    }
  }

  /** Whether the camera's folder is one, below ours, and not a link to one. */
  isRealFolder(camera: string): boolean {
    return isCameraName(camera) && lstatSync(this.folderOf(camera), { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** What a file holds; undefined: it is no segment of ours, or not a whole one. Throws DiskError. */
  read(camera: string, file: string): SegmentFacts | undefined {
    try {
      return this.addon.readSegment(segmentPath(this.folder, camera, file));
    } catch (error) {
      throw this.explained(camera, error);
    }
  }

  /** Gives a finished file its name. Throws DiskError. */
  finish(camera: string, unfinished: string, facts: SegmentFacts): SegmentFile {
    try {
      return this.rename(camera, unfinished, facts);
    } catch (error) {
      throw this.explained(camera, error);
    }
  }

  /** A file that is gone already is fine. Throws DiskError. */
  remove(camera: string, file: string): void {
    try {
      rmSync(segmentPath(this.folder, camera, file), { force: true });
    } catch (error) {
      throw this.explained(camera, error);
    }
  }

  private tryWrite(camera: string, options: Omit<SegmentOptions, 'path'>): SegmentFile | undefined {
    this.expectDisk();
    const found = lstatSync(this.folderOf(camera));
    if (found.isSymbolicLink()) throw new DiskError('ELOOP', linkText(this.folderOf(camera)));
    const unfinished = `.${options.firstSequence}.part`;
    const path = segmentPath(this.folder, camera, unfinished);
    let facts: SegmentFacts | undefined;
    try {
      facts = this.addon.writeSegment({ ...options, path });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      // Of a recorder thread that died while it wrote the same.
      rmSync(path);
      facts = this.addon.writeSegment({ ...options, path });
    }
    if (facts === undefined) return undefined;
    try {
      return this.rename(camera, unfinished, facts);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  private rename(camera: string, unfinished: string, facts: SegmentFacts): SegmentFile {
    const durationMs = Math.round(facts.durationUs / 1000);
    let startMs = Math.floor(facts.startUs / 1000);
    const nameOf = (): string => `${startMs}_${durationMs}.mp4`;
    while (lstatSync(segmentPath(this.folder, camera, nameOf()), { throwIfNoEntry: false }) !== undefined) startMs += 1;
    const file = nameOf();
    this.mountPoint.learn();
    renameSync(segmentPath(this.folder, camera, unfinished), segmentPath(this.folder, camera, file));
    syncFolderSync(this.folderOf(camera));
    return { file, facts };
  }

  private folderOf(camera: string): string {
    return join(this.folder, camera);
  }

  private explained(camera: string, error: unknown): Error {
    if (error instanceof DiskError) return error;
    const code = codeOf(error);
    if (code === undefined) return error instanceof Error ? error : new Error(messageOf(error));
    return new DiskError(code, diskText(code, this.folderOf(camera), messageOf(error)), { cause: error });
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

function linkText(folder: string): string {
  return `${folder} is a symbolic link: put a folder in its place, or name the link's target as buffer.on_disk_folder`;
}

function awayText(mountPoint: string): string {
  return `no disk is mounted on ${mountPoint} any more (ENODEV): mount it again; nothing is recorded in its place`;
}

function diskText(code: string, folder: string, message: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return (
        `there is no space left for ${folder} (${code}): free some, lower buffer.on_disk_clean_older_than, or set ` +
        'buffer.on_disk_max_bytes_total or buffer.on_disk_min_free_bytes'
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${folder} cannot be written (${code}): make it writable for the user that chrysproxy runs as`;
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return `something that is no folder is in the way of ${folder} (${code}): move it away`;
    case 'EIO':
      return `the disk of ${folder} reports an error (${code}): look at the system's log, and replace the disk`;
    default:
      return `nothing can be written into ${folder}: ${message}`;
  }
}

import { lstatSync, mkdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';

import { syncFolderSync } from '../base/atomic-file.js';
import { messageOf } from '../base/errors.js';
import { isCameraName } from '../cameras/camera-name.js';
import type { NativeAddon, SegmentFacts, SegmentOptions } from '../native/types.js';
import { MountPoint } from './mount-point.js';

/** A failure of the disk or of a folder on it. `code` is the system's error code; the message says what to do. */
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

/** A finished segment in its camera's folder. */
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

/** The files of recordings: `<folder>/<camera>/<start ms>_<duration ms>.mp4`. Blocks. Recorder thread. */
export class SegmentFiles {
  private readonly mountPoint: MountPoint;

  constructor(
    readonly folder: string,
    private readonly addon: Pick<NativeAddon, 'writeSegment' | 'readSegment'>,
  ) {
    this.mountPoint = new MountPoint(folder);
  }

  /**
   * Writes packets of a ring into a file. When this returns, the file and its name survive a power cut. Undefined: the ring
   * has overwritten the packets. Throws DiskError.
   */
  write(camera: string, options: Omit<SegmentOptions, 'path'>): SegmentFile | undefined {
    try {
      return this.tryWrite(camera, options);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw this.diskErrorOf(camera, error);
    }
    try {
      // The folder was removed, or this is the camera's first segment.
      mkdirSync(this.folderOf(camera), { recursive: true });
      return this.tryWrite(camera, options);
    } catch (error) {
      throw this.diskErrorOf(camera, error);
    }
  }

  /** Throws DiskError while the disk that was written to is not mounted. Its files are then unreachable, but not lost. */
  expectDisk(): void {
    const { missing } = this.mountPoint;
    if (missing !== undefined) throw new DiskError('ENODEV', awayText(missing));
  }

  /** Undefined: there is no such regular file, or its folder is a link. Throws DiskError. */
  regularFile(camera: string, file: string): Stats | undefined {
    try {
      const stats = lstatSync(segmentPath(this.folder, camera, file), { throwIfNoEntry: false });
      return stats?.isFile() === true && this.isRealFolder(camera) ? stats : undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOTDIR') return undefined;
      throw this.diskErrorOf(camera, error);
    }
  }

  /** Whether the camera has a folder that is not a link. */
  isRealFolder(camera: string): boolean {
    return isCameraName(camera) && lstatSync(this.folderOf(camera), { throwIfNoEntry: false })?.isDirectory() === true;
  }

  /** Describes the content of a file. Undefined: the file is not a complete segment of the proxy. Throws DiskError. */
  read(camera: string, file: string): SegmentFacts | undefined {
    try {
      return this.addon.readSegment(segmentPath(this.folder, camera, file));
    } catch (error) {
      throw this.diskErrorOf(camera, error);
    }
  }

  /** Gives a complete file its final name. Throws DiskError. */
  finish(camera: string, unfinished: string, facts: SegmentFacts): SegmentFile {
    try {
      return this.rename(camera, unfinished, facts);
    } catch (error) {
      throw this.diskErrorOf(camera, error);
    }
  }

  /** Does nothing when there is no such file. Throws DiskError. */
  remove(camera: string, file: string): void {
    try {
      rmSync(segmentPath(this.folder, camera, file), { force: true });
    } catch (error) {
      throw this.diskErrorOf(camera, error);
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
      // A recorder thread that crashed left this file.
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

  private diskErrorOf(camera: string, error: unknown): Error {
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
  return `${folder} is a symbolic link. Replace it by a folder, or set buffer.on_disk_folder to the target of the link.`;
}

function awayText(mountPoint: string): string {
  return `The disk at ${mountPoint} is not mounted any more (ENODEV). Mount it again; nothing is recorded until then.`;
}

function diskText(code: string, folder: string, message: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return (
        `There is no space left for ${folder} (${code}). Free some space, lower buffer.on_disk_clean_older_than, or set ` +
        'buffer.on_disk_max_bytes_total or buffer.on_disk_min_free_bytes.'
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${folder} cannot be written (${code}). Make it writable for the user that chrysproxy runs as.`;
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return `${folder} cannot be used, because a file has the name of a folder (${code}). Move the file away.`;
    case 'EIO':
      return `The disk of ${folder} reports an error (${code}). Read the system's log, and replace the disk.`;
    default:
      return `${folder} cannot be written: ${message}.`;
  }
}

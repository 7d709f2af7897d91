import type { Supervisor } from '../cameras/supervisor.js';
import { isReplay } from '../cameras/source/replay-url.js';
import type { Camera } from '../cameras/types.js';
import { PacketReader } from '../rings/packet-reader.js';
import { keepPackets } from '../rings/packet-ring-size.js';
import type { CameraProgress, RecordedPeriod, RecordMessage, ToRecorder } from './messages.js';
import type { RecordingStatus } from './types.js';

export interface FollowOptions {
  readonly cameras: Pick<Supervisor, 'list' | 'onEvent'>;
  /** Whether cameras are recorded that do not say so themselves. */
  readonly onDisk: boolean;
  /** Packets that a ring keeps while its camera is not recorded. */
  readonly packetsInMemory: number;
  readonly segmentMinMs: number;
  /** To the recorder worker; lost while it does not run. */
  readonly send: (message: ToRecorder) => void;
  /** There is a camera to be recorded. */
  readonly onNeeded: () => void;
}

/** A disk may take no data for so many packets: ten seconds at 25 frames a second. */
const SLACK_PACKETS = 250;
/** For groups that are joined, of which the ring holds two segments: of a camera of 60 frames a second. */
const PACKETS_PER_MS = 2 * 0.06;
const NOTHING_YET: Omit<CameraProgress, 'id'> = {
  state: 'waiting',
  message: '',
  counters: { segments: 0, bytes: 0, lostGroups: 0, lastSegmentMs: 0 },
};

interface Followed {
  readonly id: number;
  readonly camera: Camera;
  /** The first packet to record; undefined while it is not recorded. */
  fromSequence: number | undefined;
  /** Of its sound; undefined: that is not recorded. */
  audioRing: SharedArrayBuffer | undefined;
  progress: Omit<CameraProgress, 'id'>;
}

/** Which cameras are recorded and how that goes: tells the recorder worker, and listens to it. Main thread. */
export class FollowedCameras {
  private readonly byName = new Map<string, Followed>();
  private readonly byId = new Map<number, Followed>();
  private stopListening: () => void = () => undefined;
  private lastId = 0;

  constructor(private readonly options: FollowOptions) {}

  start(): void {
    const { cameras } = this.options;
    this.stopListening = cameras.onEvent((event, camera) => {
      if (event === 'removed') this.leave(camera);
      else this.follow(camera);
    });
    for (const camera of cameras.list()) this.follow(camera);
  }

  /** Tells a worker that knows nothing yet. */
  tellAll(): void {
    for (const followed of this.byId.values()) {
      followed.progress = { ...NOTHING_YET, counters: followed.progress.counters };
      this.tellToRecord(followed);
    }
  }

  onProgress(cameras: readonly CameraProgress[]): void {
    for (const { id, ...progress } of cameras) {
      const followed = this.byId.get(id);
      if (followed !== undefined) followed.progress = progress;
    }
  }

  /** `outage`: why nothing at all is recorded, '' = it is. */
  status(name: string, outage: string): RecordingStatus {
    const followed = this.byName.get(name);
    const { counters, state, message } = followed?.progress ?? NOTHING_YET;
    const wanted = followed !== undefined && this.isWanted(followed.camera);
    if (!wanted) return { wanted, state: 'off', message: '', ...counters };
    if (outage !== '') return { wanted, state: 'failing', message: outage, ...counters };
    const isComing = followed.camera.state.phase === 'running' && followed.fromSequence !== undefined;
    return { wanted, state: isComing || state === 'failing' ? state : 'waiting', message, ...counters };
  }

  close(): void {
    this.stopListening();
  }

  private follow(camera: Camera): void {
    const { name } = camera.definition;
    let followed = this.byName.get(name);
    if (followed?.camera !== camera) {
      followed = { id: ++this.lastId, camera, fromSequence: undefined, audioRing: undefined, progress: NOTHING_YET };
      this.byName.set(name, followed);
      this.byId.set(followed.id, followed);
    }
    const { ring } = camera.packets;
    // It comes with the camera's first connection, and 'stream' tells of that.
    if (ring === undefined) return;
    const wanted = this.isWanted(camera);
    keepPackets(ring, wanted ? this.packetsWhileRecorded() : this.options.packetsInMemory);
    // With its sound it is another recording, which begins where the one without it ends.
    if (!wanted || followed.audioRing !== audioRingOf(camera)) this.end(followed);
    if (!wanted) return;
    followed.audioRing = audioRingOf(camera);
    if (followed.fromSequence === undefined) this.begin(followed, ring);
    else this.options.send({ kind: 'periods', id: followed.id, periods: periodsOf(camera) });
  }

  private leave(camera: Camera): void {
    const followed = this.byName.get(camera.definition.name);
    if (followed?.camera !== camera) return;
    this.end(followed);
    this.byName.delete(camera.definition.name);
    this.byId.delete(followed.id);
  }

  private begin(followed: Followed, ring: SharedArrayBuffer): void {
    const reader = new PacketReader(ring);
    // Before it is one of those that a new worker is told of.
    this.options.onNeeded();
    // With the group in progress; all that came before it was not to be recorded.
    followed.fromSequence = Math.max(reader.newestKeyframe(), reader.first());
    this.tellToRecord(followed);
  }

  private end(followed: Followed): void {
    if (followed.fromSequence === undefined) return;
    followed.fromSequence = undefined;
    this.options.send({ kind: 'forget', id: followed.id });
  }

  private tellToRecord({ id, camera, audioRing, fromSequence, progress }: Followed): void {
    const { ring, control } = camera.packets;
    if (fromSequence === undefined || ring === undefined) return;
    const message: RecordMessage = {
      kind: 'record',
      id,
      camera: camera.definition.name,
      packetRing: ring,
      audioRing,
      control,
      fromSequence,
      periods: periodsOf(camera),
      counters: progress.counters,
    };
    this.options.send(message);
  }

  private isWanted({ definition }: Camera): boolean {
    // What a replay plays is on the disk already.
    return definition.record ?? (this.options.onDisk && !isReplay(definition));
  }

  private packetsWhileRecorded(): number {
    const { packetsInMemory, segmentMinMs } = this.options;
    return Math.max(packetsInMemory, SLACK_PACKETS, Math.ceil(segmentMinMs * PACKETS_PER_MS));
  }
}

function audioRingOf({ definition, packets }: Camera): SharedArrayBuffer | undefined {
  return definition.recordAudio ? packets.audioRing : undefined;
}

function periodsOf(camera: Camera): RecordedPeriod[] {
  return camera.packets.periods.map(({ fromSequence, stream }) => ({
    fromSequence,
    connection: stream.connection,
    codecName: stream.codecName,
    extradata: stream.extradata,
    width: stream.width,
    height: stream.height,
    ...(stream.audio === undefined ? {} : { audio: stream.audio }),
  }));
}

/** The process of the fake cameras. Gets options as its argument, and commands over the channel of its parent. */
import { FakeCamera } from './camera.js';
import { loadAudio } from './audio-clip.js';
import { loadClip } from './clip.js';
import type { CameraOptions } from './options.js';
import type { Reply, Request } from './protocol.js';

const cameras = new Map<string, FakeCamera>();

function reply(message: Reply): void {
  process.send?.(message);
}

async function start(all: Readonly<Record<string, CameraOptions>>): Promise<void> {
  // Making a clip blocks this process, so all clips are made before the first client connects.
  for (const { video, audio, sdp } of Object.values(all)) {
    for (const clip of [video?.clip ?? [], sdp?.spropOf ?? []].flat()) loadClip(clip);
    if (audio !== undefined) loadAudio(audio.codec);
  }
  for (const [name, options] of Object.entries(all)) cameras.set(name, await FakeCamera.start(options));
  reply({ ready: Object.fromEntries([...cameras].map(([name, camera]) => [name, camera.port])) });
}

process.on('message', ({ id, camera, command }: Request) => {
  try {
    const found = cameras.get(camera);
    if (found === undefined) throw new Error(`there is no camera "${camera}"`);
    reply({ id, counts: found.do(command) });
  } catch (error) {
    reply({ id, error: String(error) });
  }
});
// Ends with the parent.
process.on('disconnect', () => process.exit());

await start(JSON.parse(process.argv[2] ?? '{}') as Record<string, CameraOptions>);

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('make_clips.py', import.meta.url));

/** Makes the clip with this name unless it exists, see make_clips.py. A farm makes its own clips. */
export function makeClip(name: string): void {
  execFileSync('/usr/bin/python3', [SCRIPT, name], { stdio: ['ignore', 'ignore', 'inherit'] });
}

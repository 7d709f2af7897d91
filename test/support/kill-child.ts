import type { ChildProcess } from 'node:child_process';

/** Kills a process with SIGKILL and resolves when it has ended. */
export async function killChild(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

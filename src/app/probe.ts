import { keepAliveClock, systemClock } from '../base/clock.js';
import { Closings } from '../cameras/capture/closings.js';
import type { ProbeResult, ProbeOptions } from '../cameras/probe/probe-types.js';
import { Prober } from '../cameras/probe/prober.js';
import { parseSourceUrl } from '../cameras/source/source-url.js';
import { configSchema } from '../config/schema.js';
import { loadAddon } from '../native/addon.js';

/** Probes a stream without a running proxy. Throws a ChrysError that says why the stream cannot be opened. */
export async function probeAlone(url: string, options: ProbeOptions): Promise<ProbeResult> {
  const source = parseSourceUrl(url, ['rtsp', 'rtsps', 'file']);
  const { max_pixels: maxPixels } = configSchema.shape.camera.parse(undefined);
  const prober = new Prober({
    addon: loadAddon(),
    closings: new Closings(systemClock),
    clock: keepAliveClock,
    maxPixels,
  });
  return await prober.probe(source, options);
}

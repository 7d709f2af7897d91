/** Saves the newest frame of a camera as a PNG.   one-frame CAMERA FILE.png [HOST:PORT] */
import { writeFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';
import { Proxy, run, type VideoFrame } from './client.js';

function chunk(kind: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(kind), body]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(body.length, 0);
  typed.copy(framed, 4);
  framed.writeUInt32BE(crc32(typed), typed.length + 4);
  return framed;
}

/** PNG stores red-green-blue, and a zero byte ("no filter") before each row. */
function png({ width, height, data }: VideoFrame): Buffer {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    to++;
    for (let x = 0; x < width; x++, from += 3) {
      rows[to++] = data.readUInt8(from + 2);
      rows[to++] = data.readUInt8(from + 1);
      rows[to++] = data.readUInt8(from);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = deflateSync(rows, { level: 1 });
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

await run(async () => {
  const [camera, file, address] = process.argv.slice(2);
  if (camera === undefined || file === undefined) throw new Error('Usage: one-frame CAMERA FILE.png [HOST:PORT]');
  const proxy = new Proxy(address);
  const { value: frame } = await proxy.frames(camera).next();
  await writeFile(file, png(frame));
  console.log(`${file}: ${frame.width}x${frame.height}, a ${frame.frame_type} frame, pts ${frame.pts}`);
  proxy.close();
});

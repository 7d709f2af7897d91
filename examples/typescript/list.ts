/** Lists the cameras of a proxy.   list [HOST:PORT] */
import { Proxy, run } from './client.js';

await run(async () => {
  const proxy = new Proxy(process.argv[2]);
  const cameras = await proxy.cameras();
  for (const { name, status, error } of cameras) {
    console.log(name.padEnd(24), status.padEnd(12), error);
  }
  if (cameras.length === 0) {
    console.log('The proxy has no cameras yet. Add one: chrysproxy camera add NAME RTSP-URL');
  }
  proxy.close();
});

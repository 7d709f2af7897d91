/** The list of all routes, for a person with a browser. No scripts, no styles: the content policy forbids both. */
export function routesPage(version: string): string {
  const rows = ROUTES.map(([method, path, what]) => {
    const address = method === 'GET' && !path.includes(':') ? `<a href="${path}">${path}</a>` : path;
    return `<tr><td>${method}</td><td>${address}</td><td>${what}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>chrysproxy: REST</title></head>
<body>
<h1>chrysproxy ${escaped(version)}</h1>
<p>Camera streams in, frames out. Frames come over gRPC; this is the REST interface. <a href="/">The cameras</a></p>
<table>
${rows.join('\n')}
</table>
</body>
</html>
`;
}

const ROUTES: readonly (readonly [method: string, path: string, what: string])[] = [
  ['GET', '/api/v1/processlist', 'all cameras; ?logs=false leaves their logs out'],
  ['POST', '/api/v1/process', 'add a camera: {"name", "rtsp_endpoint"}'],
  ['GET', '/api/v1/process/:name', 'one camera'],
  [
    'PATCH',
    '/api/v1/process/:name',
    'change its connection, or switch its recording, passthrough or storage: {"record": true, false or null}',
  ],
  ['DELETE', '/api/v1/process/:name', 'remove a camera'],
  [
    'POST',
    '/api/v1/process/:name/retry',
    'connect to a camera at once: {"forget": true} forgets what was learnt of it',
  ],
  ['POST', '/api/v1/probe', 'what a stream is, without adding it: {"rtsp_endpoint"}'],
  ['GET', '/api/v1/process/:name/snapshot.jpg', 'its newest frame, or that of a past moment: ?at=; ?width= scales it'],
  ['GET', '/api/v1/process/:name/stream.mjpeg', 'its frames as they come; ?fps= &amp;width='],
  ['GET', '/api/v1/process/:name/frames', 'the frames of the past on disk and in memory; ?from= &amp;to= in ms'],
  ['GET', '/api/v1/process/:name/timeline', 'where its past is recorded and where not; ?from= &amp;to='],
  ['GET', '/api/v1/process/:name/clip.mp4', 'one mp4 of its past; ?from= &amp;to='],
  ['GET', '/api/v1/process/:name/segments', 'what is recorded, segment by segment; ?from= &amp;to='],
  ['GET', '/api/v1/process/:name/segments/:id', 'the file of a segment'],
  ['GET', '/api/v1/process/:name/clips', 'the parts that are kept'],
  ['POST', '/api/v1/process/:name/clips', 'keep a part: {"name", "from", "to"}'],
  ['GET', '/api/v1/process/:name/clips/:id', 'one of them'],
  ['DELETE', '/api/v1/process/:name/clips/:id', 'keep it no longer'],
  ['GET', '/api/v1/process/:name/clips/:id/clip.mp4', 'its mp4'],
  ['GET', '/api/v1/recordings', 'what is recorded of each camera'],
  ['POST', '/api/v1/recordings/check', 'compare the list of segments with the disk'],
  ['GET', '/api/v1/annotations', 'annotations of the past; ?camera= &amp;type= &amp;from= &amp;to='],
  ['GET', '/api/v1/annotations/:id', 'one of them, and how far its evidence is'],
  ['GET', '/api/v1/annotations/:id/clip.mp4', 'the clip that was kept beside it'],
  ['GET', '/api/v1/annotations/:id/snapshot.jpg', 'the frame that was kept beside it'],
  ['GET', '/api/v1/annotations/status', 'how many wait, were delivered, were refused, and why nothing is sent'],
  ['GET', '/api/v1/annotations/set-aside', 'those that the endpoint refused, with its reasons'],
  ['POST', '/api/v1/annotations/set-aside/requeue', 'send them again: {"ids": […]} or {"all": true}'],
  ['POST', '/api/v1/annotations/set-aside/discard', 'remove them: {"ids": […]} or {"all": true}'],
  ['POST', '/api/v1/cloud/check', 'try what the proxy sends to, and say what is wrong'],
  ['GET', '/api/v1/webhooks/status', 'how many events wait, were delivered, were lost, and why nothing is sent'],
  ['POST', '/api/v1/webhooks/test', 'send an event that is only a test'],
  ['GET', '/api/v1/redis/status', 'whether Redis is connected, and what goes there'],
  ['GET', '/api/v1/settings', 'the keys for the cloud'],
  ['POST', '/api/v1/settings', 'set them: {"name": "default", "edge_key", "edge_secret"}'],
  ['GET', '/api/v1/info', 'version, clock, and where gRPC listens'],
  ['GET', '/healthz', 'whether the process answers'],
  ['GET', '/readyz', 'whether it has finished starting'],
  ['GET', '/api', 'this list'],
];

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

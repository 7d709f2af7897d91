/** What a person sees who opens the proxy in a browser. No scripts, no styles: the content policy forbids both. */
export function frontPage(version: string): string {
  const rows = ROUTES.map(([method, path, what]) => {
    const address = method === 'GET' && !path.includes(':') ? `<a href="${path}">${path}</a>` : path;
    return `<tr><td>${method}</td><td>${address}</td><td>${what}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>chrysproxy</title></head>
<body>
<h1>chrysproxy ${escaped(version)}</h1>
<p>Camera streams in, frames out. Frames come over gRPC; this is the REST interface.</p>
<table>
${rows.join('\n')}
</table>
</body>
</html>
`;
}

const ROUTES: readonly (readonly [method: string, path: string, what: string])[] = [
  ['GET', '/api/v1/processlist', 'all cameras'],
  ['POST', '/api/v1/process', 'add a camera: {"name", "rtsp_endpoint"}'],
  ['GET', '/api/v1/process/:name', 'one camera'],
  ['DELETE', '/api/v1/process/:name', 'remove a camera'],
  ['GET', '/api/v1/process/:name/snapshot.jpg', 'its newest frame; ?width= scales it'],
  ['GET', '/api/v1/settings', 'the keys for the cloud'],
  ['POST', '/api/v1/settings', 'set them: {"name": "default", "edge_key", "edge_secret"}'],
  ['GET', '/healthz', 'whether the process answers'],
  ['GET', '/readyz', 'whether it has finished starting'],
];

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

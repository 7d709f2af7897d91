"""A receiver of annotations: set annotation.endpoint of chrysproxy to it.

    EDGE_SECRET=... python3 receiver.py 9000 annotations.jsonl

The receiver answers 401 to a request that is not signed with the secret. It appends each annotation to the file as one line of JSON, and
answers 200 only when the line is on disk. Evidence that is sent with an annotation (annotation.send_evidence) goes into the folder
annotations.jsonl.evidence, as <id>.mp4 and <id>.jpg. chrysproxy sends a batch again if it did not receive the answer; the receiver
recognizes annotations by their id and does not write them twice. Needs only Python 3.8.
"""
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BYTES = 40 * 1024 * 1024
ENDINGS = {"clip": "mp4", "snapshot": "jpg"}
# A recorded request cannot be replayed after this time.
MAX_AGE_MS = 5 * 60_000


def is_signed(headers, body, secret):
    """Returns whether the body was signed with the secret within the allowed time."""
    date = headers.get("X-Chrys-Date", "")
    md5 = hashlib.md5(body).hexdigest()
    mac = hmac.new(secret.encode(), (date + md5).encode(), hashlib.sha256).hexdigest()
    given = headers.get("X-ChrysEdge-Auth", "").rpartition(":")[2]
    fresh = date.isdigit() and abs(time.time() * 1000 - int(date)) < MAX_AGE_MS
    return fresh and headers.get("Content-MD5") == md5 and hmac.compare_digest(given.encode(), mac.encode())


def content_of(content_type, body):
    """Returns the JSON, and the bytes of the other parts of multipart/form-data by name. Raises ValueError for another form."""
    kind, _, boundary = content_type.partition("; boundary=")
    if kind != "multipart/form-data":
        return json.loads(body), {}
    mark = b"--" + boundary.encode()
    before, *pieces, after = (b"\r\n" + body).split(b"\r\n" + mark)
    if not boundary or before or after != b"--\r\n":
        raise ValueError("the form does not begin or end as it has to")
    parts = {}
    for piece in pieces:
        head, end_of_head, content = piece.partition(b"\r\n\r\n")
        name = re.search(rb'form-data; name="(\w+)"', head)
        if not end_of_head or not name:
            raise ValueError("a part of the form has no name")
        parts[name[1].decode()] = content
    return json.loads(parts.pop("data", b"")), parts


class Store:
    """A file of annotations, the ids that it contains, and a folder of evidence beside it."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.folder = path + ".evidence"
        self.file = open(path, "a+", encoding="utf-8")
        self.file.seek(0)
        self.ids = {json.loads(line)["id"] for line in self.file if line.endswith("}\n")}

    def keep(self, annotation, parts):
        """Returns when the evidence of an annotation is synced to disk."""
        name = str(uuid.UUID(annotation["id"]))
        os.makedirs(self.folder, exist_ok=True)
        for part, content in parts.items():
            if part not in ENDINGS:
                continue
            path = os.path.join(self.folder, f"{name}.{ENDINGS[part]}")
            with open(path + ".part", "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(path + ".part", path)

    def add(self, annotations):
        """Returns the number of new annotations when they are synced to disk."""
        with self.lock:
            new = {one["id"]: one for one in annotations if one["id"] not in self.ids}
            self.file.write("".join(json.dumps(one) + "\n" for one in new.values()))
            self.file.flush()
            os.fsync(self.file.fileno())
            self.ids.update(new)
            return len(new)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BYTES:
            self.close_connection = True
            self.answer(413, "too long")
            return
        body = self.rfile.read(length)
        if not is_signed(self.headers, body, self.server.secret):
            self.answer(401, "the signature is wrong, or the clocks differ")
            return
        try:
            content, parts = content_of(self.headers.get("Content-Type", ""), body)
            annotations = content["data"]
            if parts:
                self.server.store.keep(annotations[0], parts)
        except (ValueError, KeyError, IndexError) as error:
            self.answer(400, f"this is no batch of annotations: {error}")
            return
        new = self.server.store.add(annotations)
        print(f"{len(annotations)} annotations, {new} new", flush=True)
        self.answer(200, "ok")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


def main():
    if len(sys.argv) != 3 or not os.environ.get("EDGE_SECRET"):
        sys.exit(__doc__)
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.secret = os.environ["EDGE_SECRET"]
    server.store = Store(sys.argv[2])
    print(f"Waiting for annotations at http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass

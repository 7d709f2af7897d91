#!/usr/bin/python3
"""A bare receive loop: plays an RTSP stream over TCP and prints when the last packet of each picture was there.

    receive.py URL SECONDS      prints [microseconds since the epoch, …], in the order of the pictures

The time is taken right behind recv. Packets are looked at when everything is over, so that nothing delays the loop.
The camera wants no password, and its track has the control "track=video".
"""
import json
import socket
import sys
import time
from urllib.parse import urlsplit

RECEIVE_BYTES = 256 * 1024
url, seconds = sys.argv[1], float(sys.argv[2])
address = urlsplit(url)
connection = socket.create_connection((address.hostname, address.port))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
requests = 0


def ask(method: str, uri: str, *lines: str) -> tuple[bytes, bytes]:
    """The answer's head, and what came behind it."""
    global requests
    requests += 1
    head = [f'{method} {uri} RTSP/1.0', f'CSeq: {requests}', *lines]
    connection.sendall(('\r\n'.join(head) + '\r\n\r\n').encode())
    answer = b''
    while b'\r\n\r\n' not in answer:
        answer += connection.recv(RECEIVE_BYTES)
    answer, rest = answer.split(b'\r\n\r\n', 1)
    if not answer.startswith(b'RTSP/1.0 200'):
        raise SystemExit(f'{method}: {answer.decode()}')
    return answer, rest


def header(head: bytes, name: str) -> str:
    for line in head.decode().split('\r\n')[1:]:
        key, _, value = line.partition(':')
        if key.lower() == name.lower():
            return value.strip()
    return ''


head, body = ask('DESCRIBE', url, 'Accept: application/sdp')
while len(body) < int(header(head, 'Content-Length')):
    body += connection.recv(RECEIVE_BYTES)
head, _ = ask('SETUP', f'{url}/track=video', 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1')
session = header(head, 'Session').split(';')[0]
_, rest = ask('PLAY', url, f'Session: {session}')
chunks = [(time.time_ns() // 1000, rest)]
connection.settimeout(seconds)
end = time.monotonic() + seconds
while time.monotonic() < end:
    chunk = connection.recv(RECEIVE_BYTES)
    chunks.append((time.time_ns() // 1000, chunk))
    if not chunk:
        break

stream = b''.join(chunk for _, chunk in chunks)
pictures_us = []
at = ended = chunk_index = 0
while at + 4 <= len(stream):
    length = int.from_bytes(stream[at + 2:at + 4], 'big')
    after = at + 4 + length
    if stream[at] != ord('$') or after > len(stream):
        break
    while ended < after:
        ended += len(chunks[chunk_index][1])
        chunk_index += 1
    if stream[at + 1] == 0 and stream[at + 5] & 0x80:
        pictures_us.append(chunks[chunk_index - 1][0])
    at = after
print(json.dumps(pictures_us), flush=True)

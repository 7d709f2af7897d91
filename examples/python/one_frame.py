#!/usr/bin/env python3
"""Saves the newest frame of a camera as a PNG.   one_frame.py CAMERA FILE.png [HOST:PORT]"""
import struct
import sys
import zlib

import grpc

from client import Proxy, explain, picture


def save_png(path, bgr):
    """Writes a PNG. With OpenCV, cv2.imwrite(path, bgr) does the same."""
    height, width, _ = bgr.shape
    rows = b"".join(b"\0" + row.tobytes() for row in bgr[:, :, ::-1])

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        file.write(chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
camera, path, *address = sys.argv[1:]
try:
    frame = next(Proxy(*address).frames(camera))
except grpc.RpcError as error:
    explain(error)
save_png(path, picture(frame))
print(f"{path}: {frame.width}x{frame.height}, a {frame.frame_type} frame, pts {frame.pts}")

#!/usr/bin/python3
"""Asks once for the newest frames that memory holds and prints {"frames", "seconds", "torn"}.

    past.py ADDRESS DEVICE FRAMES FPS
"""
import json
import sys
import time
from pathlib import Path

import grpc
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'clients'))
from grpc_client import MAX_RECEIVE_BYTES, load_stubs, read_barcode  # noqa: E402

address, device, count, fps = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
messages, services = load_stubs('unary')
channel = grpc.insecure_channel(address, options=[('grpc.max_receive_message_length', MAX_RECEIVE_BYTES)])
grpc.channel_ready_future(channel).result(10)
stub = services.ImageStub(channel)
buffer = stub.VideoProbe(messages.VideoProbeRequest(device_id=device)).buffer
# A little of the next group too, so that there are at least `count`.
begin = buffer.end_time - int((count + 5) / fps * 1000)
request = messages.VideoFrameBufferedRequest(device_id=device, timestamp_from=begin, timestamp_to=buffer.end_time)
frames = torn = 0
start = time.monotonic()
for frame in stub.VideoBufferedImage(request):
    frames += 1
    if frames % 50 == 1:
        picture = np.frombuffer(frame.data, np.uint8).reshape([dim.size for dim in frame.shape.dim])
        torn += read_barcode(picture) is None
print(json.dumps({'frames': frames, 'seconds': time.monotonic() - start, 'torn': torn}), flush=True)

#!/usr/bin/python3
"""A unary client that takes every frame of one camera of the farm for some seconds and prints what it got as JSON.

    client.py ADDRESS DEVICE TIMING_FILE SECONDS PICTURES_IN_CLIP
"""
import json
import mmap
import statistics
import struct
import sys
import time
from pathlib import Path

import grpc
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'clients'))
from grpc_client import MAX_RECEIVE_BYTES, load_stubs, read_barcode  # noqa: E402

WARM_UP_SECONDS = 30  # as in main.ts
address, device, timing_file, seconds, pictures = sys.argv[1:6]
messages, services = load_stubs('unary')
channel = grpc.insecure_channel(address, options=[('grpc.max_receive_message_length', MAX_RECEIVE_BYTES),
                                                  ('grpc.use_local_subchannel_pool', 1)])
stub = services.ImageStub(channel)
request = messages.VideoFrameRequest(device_id=device)
with open(timing_file, 'rb') as file:
    timing = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

frames = missed = repeated = disordered = torn = empty = 0
ages_ms = []
last = None
begin = time.monotonic() + WARM_UP_SECONDS
end = begin + float(seconds)
while time.monotonic() < end:
    try:
        frame = stub.VideoLatestImage(request, timeout=20)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
        time.sleep(0.1)
        continue
    received_us = time.time_ns() // 1000
    if time.monotonic() < begin:
        continue
    data = frame.data  # each access copies it
    if not data:
        empty += 1
        continue
    picture = np.frombuffer(data, np.uint8).reshape([dim.size for dim in frame.shape.dim])
    number = read_barcode(picture)
    if number is None:
        torn += 1
        continue
    frames += 1
    ages_ms.append((received_us - struct.unpack_from('<q', timing, number * 8)[0]) / 1000)
    if last is not None:
        step = (number - last) % int(pictures)
        if step == 0:
            repeated += 1
        elif step > int(pictures) // 2:
            disordered += 1
        else:
            missed += step - 1
    last = number
print(json.dumps({'frames': frames, 'missed': missed, 'repeated': repeated, 'disordered': disordered, 'torn': torn,
                  'empty': empty, 'median_age_ms': statistics.median(ages_ms) if ages_ms else None,
                  'p95_age_ms': statistics.quantiles(ages_ms, n=20)[18] if len(ages_ms) > 1 else None}), flush=True)

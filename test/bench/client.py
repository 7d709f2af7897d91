#!/usr/bin/python3
"""A client that takes frames of one camera of the farm for some seconds and prints what it got as JSON.

    client.py ADDRESS DEVICE TIMING_FILE SECONDS PICTURES_IN_CLIP '{"stream": false, "fields": {…}, "step": 1}'

`fields`: fields of VideoFrameRequest. `step`: distance of the frames that the client takes, in pictures of the camera.
"""
import json
import mmap
import statistics
import struct
import sys
import time
from pathlib import Path

import av
import grpc
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'clients'))
from grpc_client import MAX_RECEIVE_BYTES, load_stubs, read_barcode  # noqa: E402

WARM_UP_SECONDS = 30  # as in harness.ts
# Decoding every JPEG would be the client's work, on the same cores.
JPEGS_LOOKED_AT = 25
address, device, timing_file, seconds, pictures, how = sys.argv[1:7]
how = json.loads(how)
messages, services = load_stubs('unary')
channel = grpc.insecure_channel(address, options=[('grpc.max_receive_message_length', MAX_RECEIVE_BYTES),
                                                  ('grpc.use_local_subchannel_pool', 1)])
stub = services.ImageStub(channel)
fields = {key: messages.PictureFormat.Value(value) if key == 'format' else value for key, value in how['fields'].items()}
request = messages.VideoFrameRequest(device_id=device, **fields)
with open(timing_file, 'rb') as file:
    timing = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def frames_of_camera():
    while True:
        try:
            if how['stream']:
                yield from stub.VideoStream(request)
            else:
                yield stub.VideoLatestImage(request, timeout=20)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            time.sleep(0.1)


class Numbers:
    """The number of a frame's picture: read from it, or counted on by frame ids from one that was read."""

    def __init__(self):
        self.looked_at = self.offset = None

    def of(self, frame, data):
        if frame.format == messages.JPEG:
            if self.looked_at is None or frame.frame_id - self.looked_at >= JPEGS_LOOKED_AT:
                [picture] = av.CodecContext.create('mjpeg', 'r').decode(av.Packet(data))
                number = read_barcode(picture.to_ndarray(format='bgr24'))
                if number is None or (self.offset is not None and (self.offset + frame.frame_id) % int(pictures) != number):
                    return None
                self.looked_at, self.offset = frame.frame_id, number - frame.frame_id
            return (self.offset + frame.frame_id) % int(pictures)
        picture = np.frombuffer(data, np.uint8).reshape([dim.size for dim in frame.shape.dim])
        if frame.format == messages.I420:
            picture = picture[:frame.height, :, None]
        return read_barcode(picture)


frames = missed = repeated = disordered = torn = empty = 0
ages_ms = []
last = None
numbers = Numbers()
begin = time.monotonic() + WARM_UP_SECONDS
end = begin + float(seconds)
for frame in frames_of_camera():
    received_us = time.time_ns() // 1000
    if time.monotonic() >= end:
        break
    if time.monotonic() < begin:
        continue
    data = frame.data  # each access copies it
    if not data:
        empty += 1
        continue
    number = numbers.of(frame, data)
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
            missed += round(step / how['step']) - 1
    last = number
print(json.dumps({'frames': frames, 'missed': missed, 'repeated': repeated, 'disordered': disordered, 'torn': torn,
                  'empty': empty, 'median_age_ms': statistics.median(ages_ms) if ages_ms else None,
                  'p95_age_ms': statistics.quantiles(ages_ms, n=20)[18] if len(ages_ms) > 1 else None}), flush=True)

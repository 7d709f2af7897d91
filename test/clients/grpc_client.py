#!/usr/bin/python3
"""A client that shares no code with the proxy: made from the .proto with Debian's python3-grpcio and python3-grpc-tools.

    grpc_client.py 127.0.0.1:50001 --device CAMERA [--unary | --bidi | --each | --past] [--keyframes] [--frames N] [--skip N]
        [--verify [--fps N] [--loop PICTURES]]
    grpc_client.py 127.0.0.1:50001 --device CAMERA --annotate N
    grpc_client.py 127.0.0.1:50001 --services

With --ca (and --cert, --key) each of these uses TLS.

--unary calls VideoLatestImage as later clients do; --bidi (the default) and --each as clients of 0.0.5 do, with one stream
for all pictures or with a stream of one request for each; --past takes what memory holds. It prints one JSON line for
each picture, {number, pts, dts, …, received_us}; answers without a picture are counted and left out. With --verify it
ends with 1, and prints the reasons to stderr, unless every picture is whole, in order, not repeated, has the number that
its pts calls for, and the pictures that are missing before it are those that `skipped` counts.
A failed call prints {"error": the name of the status, "details": …} and ends with 2.
--annotate sends N annotations, numbered in custom_meta_1, and prints one JSON line for each answer.
--services prints the services that reflection lists, and the answer of the health service.
"""
import argparse
import fcntl
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
PROTO = 'chrys/cloud/videostreaming/v1beta1/video_streaming.proto'
BIDI_RPC = 'rpc VideoLatestImage(stream VideoFrameRequest) returns (stream VideoFrame)'
UNARY_RPC = 'rpc VideoLatestImage(VideoFrameRequest) returns (VideoFrame)'
MAX_RECEIVE_BYTES = 50 * 1024 * 1024
CALL_SECONDS = 20
BLOCKS = 26


def load_stubs(generation: str):
    """Generates the stubs unless they are newer than the .proto, and imports them."""
    source = PROJECT / 'proto' / PROTO
    folder = PROJECT / 'test/.cache/python' / generation
    stubs = folder / PROTO.replace('.proto', '_pb2_grpc.py')
    copy = folder / PROTO
    copy.parent.mkdir(parents=True, exist_ok=True)
    # Many clients may start at once.
    with open(folder / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stubs.exists() or stubs.stat().st_mtime < source.stat().st_mtime:
            text = source.read_text()
            if BIDI_RPC not in text:
                raise SystemExit(f'{source} does not declare "{BIDI_RPC}"')
            copy.write_text(text.replace(BIDI_RPC, UNARY_RPC) if generation == 'unary' else text)
            subprocess.run([sys.executable, '-m', 'grpc_tools.protoc', f'-I{folder}', f'--python_out={folder}',
                            f'--grpc_python_out={folder}', PROTO], check=True)
    sys.path.insert(0, str(folder))
    from chrys.cloud.videostreaming.v1beta1 import video_streaming_pb2, video_streaming_pb2_grpc
    return video_streaming_pb2, video_streaming_pb2_grpc


def channel_of(options):
    limits = [('grpc.max_receive_message_length', MAX_RECEIVE_BYTES)]
    if options.ca is None:
        return grpc.insecure_channel(options.address, options=limits)
    credentials = grpc.ssl_channel_credentials(
        options.ca.read_bytes(),
        options.key.read_bytes() if options.key else None,
        options.cert.read_bytes() if options.cert else None)
    return grpc.secure_channel(options.address, credentials, options=limits)


def read_barcode(bgr):
    """The number of a picture of test/farm/make_clips.py; None when it is torn."""
    height, width, _ = bgr.shape
    columns = ((np.arange(BLOCKS) + 0.5) * width / BLOCKS).astype(int)
    middle = height // 24
    numbers = []
    for row in (middle, height - 1 - middle):
        bits = ''.join('1' if level > 127 else '0' for level in bgr[row, columns].mean(axis=1))
        number, checksum = int(bits[2:18], 2), int(bits[18:], 2)
        if not bits.startswith('10') or checksum != (number ^ number >> 8 ^ 0xA5) & 0xFF:
            return None
        numbers.append(number)
    return numbers[0] if numbers[0] == numbers[1] else None


class Requests:
    """An iterator of requests for grpcio: one at the start, and one more for each call of more()."""

    def __init__(self, request):
        self.request = request
        self.allowed = threading.Semaphore(1)
        self.ended = False

    def __iter__(self):
        return self

    def __next__(self):
        self.allowed.acquire()
        if self.ended:
            raise StopIteration
        return self.request

    def more(self):
        self.allowed.release()

    def end(self):
        self.ended = True
        self.allowed.release()


def answers(stub, messages, options):
    """VideoFrames without end. Asks for each when the one before has been taken."""
    if options.past:
        yield from stub.VideoBufferedImage(messages.VideoFrameBufferedRequest(device_id=options.device), timeout=CALL_SECONDS)
        return
    request = messages.VideoFrameRequest(device_id=options.device, key_frame_only=options.keyframes)
    while options.unary:
        yield stub.VideoLatestImage(request, timeout=CALL_SECONDS)
    while options.each:
        yield from stub.VideoLatestImage(iter([request]), timeout=CALL_SECONDS)
    requests = Requests(request)
    try:
        for frame in stub.VideoLatestImage(requests):
            yield frame
            requests.more()
    finally:
        requests.end()


def describe(frame, received_us):
    picture = np.frombuffer(frame.data, np.uint8).reshape([dim.size for dim in frame.shape.dim])
    return {
        'number': read_barcode(picture),
        'pts': frame.pts,
        'dts': frame.dts,
        'is_keyframe': frame.is_keyframe,
        'frame_type': frame.frame_type,
        'is_corrupt': frame.is_corrupt,
        'packet': frame.packet,
        'frame_id': frame.frame_id,
        'skipped': frame.skipped,
        'keyframe': frame.keyframe,
        'width': frame.width,
        'height': frame.height,
        'shape': [[dim.size, dim.name] for dim in frame.shape.dim],
        'time_base': frame.time_base,
        'bytes': len(frame.data),
        'timestamp': frame.timestamp,
        'device_id': frame.device_id,
        'received_us': received_us,
    }


def steps_between(before, after, options):
    """How many pictures of the camera lie from one to the next, by their pts: 1 = none is missing."""
    return round((after['pts'] - before['pts']) * after['time_base'] * options.fps)


def missing(seen, options):
    """Pictures of the camera that lie between those that were taken."""
    return sum(steps_between(before, after, options) - 1 for before, after in zip(seen, seen[1:]))


def unexplained(seen, options):
    """Places where pictures are missing that the proxy does not count as skipped, or the reverse, as sentences."""
    for before, after in zip(seen, seen[1:]):
        steps = steps_between(before, after, options)
        if steps != 1 + after['skipped']:
            yield f'picture {after["number"]} {steps} pictures after {before["number"]}, {after["skipped"]} skipped'


def faults(seen, options):
    """What is wrong with a sequence of pictures, as sentences."""
    for index, frame in enumerate(seen):
        if frame['number'] is None:
            yield f'picture {index} is torn'
        if options.keyframes and not frame['is_keyframe']:
            yield f'picture {index} is no keyframe'
    for before, after in zip(seen, seen[1:]):
        ticks = after['pts'] - before['pts']
        steps = steps_between(before, after, options)
        if ticks <= 0:
            yield f'pts {after["pts"]} after {before["pts"]}'
        elif None not in (before['number'], after['number']):
            if after['number'] != (before['number'] + steps) % options.loop:
                yield f'picture {after["number"]} {steps} pictures after {before["number"]}'


def take_frames(options):
    messages, services = load_stubs('unary' if options.unary else 'bidi')
    channel = channel_of(options)
    seen = []
    empty = 0
    skipped = 0
    try:
        for frame in answers(services.ImageStub(channel), messages, options):
            received_us = time.time_ns() // 1000
            if frame.data and skipped < options.skip:
                skipped += 1
            elif frame.data:
                seen.append(describe(frame, received_us))
                print(json.dumps(seen[-1]), flush=True)
            else:
                empty += 1
            if len(seen) >= options.frames or empty > options.frames + 20:
                break
    except grpc.RpcError as error:
        print(json.dumps({'error': error.code().name, 'details': error.details()}), flush=True)
        return 2
    finally:
        channel.close()
    wrong = list(faults(seen, options))
    if not options.keyframes:
        wrong += unexplained(seen, options)
    if len(seen) < options.frames:
        wrong.append(f'{len(seen)} of {options.frames} pictures, {empty} empty answers')
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if options.verify and wrong else 0


def annotate(options):
    messages, services = load_stubs('unary')
    channel = channel_of(options)
    stub = services.ImageStub(channel)
    try:
        for number in range(options.annotate):
            request = messages.AnnotateRequest(
                device_name=options.device, type='moving', start_timestamp=time.time_ns() // 1_000_000, confidence=0.5,
                is_keyframe=True, mask=[messages.Coordinate(x=1, y=2, z=3)], custom_meta_1=str(number))
            answer = stub.Annotate(request, timeout=CALL_SECONDS)
            print(json.dumps({'device_name': answer.device_name, 'type': answer.type}), flush=True)
    except grpc.RpcError as error:
        print(json.dumps({'error': error.code().name, 'details': error.details()}), flush=True)
        return 2
    finally:
        channel.close()
    return 0


def varint_field(number, payload):
    """A length-delimited protobuf field shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def show_services(options):
    """Speaks grpc.reflection.v1 and grpc.health.v1 in raw bytes: Debian 12 has no stubs for them."""
    channel = channel_of(options)
    same = lambda raw: raw  # noqa: E731
    try:
        reflect = channel.stream_stream('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', same, same)
        listing = next(iter(reflect(iter([varint_field(7, b'*')]), timeout=CALL_SECONDS)))
        check = channel.unary_unary('/grpc.health.v1.Health/Check', same, same)
        health = check(b'', timeout=CALL_SECONDS)
        print(json.dumps({'reflection': listing.decode('latin1'), 'serving': health == b'\x08\x01'}))
    except grpc.RpcError as error:
        print(json.dumps({'error': error.code().name, 'details': error.details()}))
        return 2
    finally:
        channel.close()
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('address')
    parser.add_argument('--device', default='')
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--unary', action='store_true')
    form.add_argument('--bidi', action='store_true')
    form.add_argument('--each', action='store_true')
    form.add_argument('--past', action='store_true')
    parser.add_argument('--keyframes', action='store_true')
    parser.add_argument('--frames', type=int, default=50)
    parser.add_argument('--skip', type=int, default=0, help='pictures to take and forget before the first that counts')
    parser.add_argument('--verify', action='store_true')
    parser.add_argument('--fps', type=int, default=25)
    parser.add_argument('--loop', type=int, default=300, help='pictures in the clip')
    parser.add_argument('--annotate', type=int, default=0)
    parser.add_argument('--services', action='store_true')
    for file in ('--ca', '--cert', '--key'):
        parser.add_argument(file, type=Path)
    options = parser.parse_args()
    if options.annotate > 0:
        sys.exit(annotate(options))
    sys.exit(show_services(options) if options.services else take_frames(options))


if __name__ == '__main__':
    main()

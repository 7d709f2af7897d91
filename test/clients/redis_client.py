#!/usr/bin/python3
"""A program that takes frames from Redis by the keys of the original proxy, with Debian's python3-redis.

    redis_client.py 127.0.0.1:6379 --device CAMERA [--ask] [--keyframes] [--frames N] [--verify]

With --ask it asks for frames every 2 s, by last_access_time_CAMERA and is_key_frame_only_CAMERA. It prints {"codec": …}
and then one JSON line for each picture, as grpc_client.py does. With --verify it ends with 1, and prints the reasons to
stderr, unless every picture is whole, in order, not repeated, has the number that its pts calls for, and none is missing.
"""
import argparse
import json
import sys
import time

import redis

from grpc_client import describe, faults, load_stubs, missing

SECONDS = 60
ASK_EVERY_SECONDS = 2


def ask(connection, options):
    connection.set('is_key_frame_only_' + options.device, 'true' if options.keyframes else 'false')
    connection.hset('last_access_time_' + options.device, mapping={'last_query': time.time_ns() // 1_000_000})


def codec_of(connection, messages, device):
    stored = connection.get('codec_video_info' + device)
    if stored is None:
        return None
    codec = messages.VideoCodec()
    codec.ParseFromString(stored)
    return {'name': codec.name, 'width': codec.width, 'height': codec.height, 'pix_fmt': codec.pix_fmt,
            'long_name': codec.long_name, 'extradata': len(codec.extradata), 'extradata_size': codec.extradata_size}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('address')
    parser.add_argument('--device', required=True)
    parser.add_argument('--ask', action='store_true')
    parser.add_argument('--keyframes', action='store_true')
    parser.add_argument('--frames', type=int, default=50)
    parser.add_argument('--verify', action='store_true')
    parser.add_argument('--fps', type=int, default=25)
    parser.add_argument('--loop', type=int, default=300)
    options = parser.parse_args()
    messages, _ = load_stubs('unary')
    host, port = options.address.rsplit(':', 1)
    connection = redis.Redis(host=host, port=int(port))
    print(json.dumps({'codec': codec_of(connection, messages, options.device)}), flush=True)

    seen = []
    end = time.monotonic() + SECONDS
    asked = 0.0
    # Begins behind the newest entry. '$' would lose the entries between two calls.
    newest = connection.xrevrange(options.device, count=1)
    last = newest[0][0] if newest else '0'
    while len(seen) < options.frames and time.monotonic() < end:
        if options.ask and time.monotonic() - asked > ASK_EVERY_SECONDS:
            asked = time.monotonic()
            ask(connection, options)
        for _, entries in connection.xread({options.device: last}, block=200, count=10):
            for last, fields in entries:
                frame = messages.VideoFrame()
                frame.ParseFromString(fields[b'data'])
                seen.append(describe(frame, time.time_ns() // 1000))
                print(json.dumps(seen[-1]), flush=True)
    wrong = list(faults(seen, options))
    if not options.keyframes and missing(seen, options):
        wrong.append(f'missing: {missing(seen, options)}')
    if len(seen) < options.frames:
        wrong.append(f'{len(seen)} of {options.frames} pictures')
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    sys.exit(1 if options.verify and wrong else 0)


if __name__ == '__main__':
    main()

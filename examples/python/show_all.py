#!/usr/bin/env python3
"""Receives every frame of every camera. Prints the number of frames and their age once a second.

    show_all.py [HOST:PORT] [--window] [--keyframes] [--seconds N]

--window also shows the pictures (needs OpenCV: pip install opencv-python); press q to close it.
"""
import argparse
import queue
import statistics
import threading
import time

import grpc

from client import Proxy, explain, picture


def take(proxy, camera, keyframes_only, arrivals):
    """Receives the frames of one camera."""
    try:
        for frame in proxy.frames(camera, keyframes_only):
            age_ms = time.time() * 1000 - frame.timestamp
            arrivals.put((camera, age_ms, frame))
    except grpc.RpcError as error:
        print(f"{camera}: {error.code().name}: {error.details()}")


def report(ages_ms):
    for camera, ages in sorted(ages_ms.items()):
        print(f"{camera:<24} {len(ages):4d} frames/s   age {statistics.median(ages):6.1f} ms (median)", flush=True)
    if not ages_ms:
        print("no frames in the last second", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", default="127.0.0.1:50001")
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--keyframes", action="store_true")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    if options.window:
        import cv2

    proxy = Proxy(options.address)
    arrivals = queue.Queue()
    try:
        names = [camera.name for camera in proxy.cameras()]
    except grpc.RpcError as error:
        explain(error)
    for name in names:
        threading.Thread(target=take, args=(proxy, name, options.keyframes, arrivals), daemon=True).start()

    end = time.monotonic() + options.seconds
    next_report = time.monotonic() + 1
    ages_ms = {}
    while time.monotonic() < end:
        try:
            camera, age_ms, frame = arrivals.get(timeout=0.1)
            ages_ms.setdefault(camera, []).append(age_ms)
            if options.window:
                cv2.imshow(camera, picture(frame))
        except queue.Empty:
            pass
        if options.window and cv2.waitKey(1) == ord("q"):
            break
        if time.monotonic() >= next_report:
            report(ages_ms)
            ages_ms = {}
            next_report += 1


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass

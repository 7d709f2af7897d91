#!/usr/bin/python3
"""Takes frames of many cameras, a thread and a call after the other for each, and does nothing with them.

    takers.py ADDRESS '{TERMS of VideoFrameRequest}' DEVICE…
"""
import json
import sys
import threading
import time
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'clients'))
from grpc_client import MAX_RECEIVE_BYTES, load_stubs  # noqa: E402

address, fields, *devices = sys.argv[1:]
messages, services = load_stubs('unary')
stub = services.ImageStub(grpc.insecure_channel(address, options=[('grpc.max_receive_message_length', MAX_RECEIVE_BYTES)]))


def take(device):
    request = messages.VideoFrameRequest(device_id=device, **json.loads(fields))
    while True:
        try:
            stub.VideoLatestImage(request, timeout=20)
        except grpc.RpcError:
            time.sleep(0.5)


threads = [threading.Thread(target=take, args=(device,), daemon=True) for device in devices]
for thread in threads:
    thread.start()
threads[0].join()

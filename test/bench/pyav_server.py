#!/usr/bin/python3
"""The peer of the benchmark: what a Python user would write by hand to serve cameras over gRPC.

    pyav_server.py NAME=URL [NAME=URL …]     prints {"port": …}
"""
import json
import sys
import threading
from concurrent import futures
from pathlib import Path

import av
import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'clients'))
from grpc_client import load_stubs  # noqa: E402

messages, services = load_stubs('unary')


class Camera(threading.Thread):
    def __init__(self, name, url):
        super().__init__(daemon=True)
        self.name, self.url, self.changed, self.count, self.frame = name, url, threading.Condition(), 0, None

    def run(self):
        with av.open(self.url, options={'rtsp_transport': 'tcp'}) as container:
            for frame in container.decode(video=0):
                picture = frame.to_ndarray(format='bgr24')
                dims = [messages.ShapeProto.Dim(size=size, name=str(i)) for i, size in enumerate(picture.shape)]
                message = messages.VideoFrame(width=frame.width, height=frame.height, data=picture.tobytes(), pts=frame.pts,
                                              is_keyframe=frame.key_frame, shape=messages.ShapeProto(dim=dims))
                with self.changed:
                    self.count, self.frame = self.count + 1, message
                    self.changed.notify_all()


class Image(services.ImageServicer):
    def __init__(self, cameras):
        self.cameras, self.seen = cameras, {}

    def VideoLatestImage(self, request, context):
        camera, caller = self.cameras[request.device_id], (context.peer(), request.device_id)
        with camera.changed:
            camera.changed.wait_for(lambda: camera.count > self.seen.get(caller, 0), timeout=1)
            self.seen[caller] = camera.count
            return camera.frame or messages.VideoFrame()


cameras = {name: Camera(name, url) for name, url in (argument.split('=', 1) for argument in sys.argv[1:])}
server = grpc.server(futures.ThreadPoolExecutor(16), options=[('grpc.max_send_message_length', -1)])
services.add_ImageServicer_to_server(Image(cameras), server)
port = server.add_insecure_port('127.0.0.1:0')
server.start()
for camera in cameras.values():
    camera.start()
print(json.dumps({'port': port}), flush=True)
server.wait_for_termination()

"""A connection to chrysproxy, and its frames as numpy arrays. All examples use it.

Copy this file and the .proto file into your own project to start with.
"""
import sys
import time
from pathlib import Path

import grpc
import numpy as np

HERE = Path(__file__).resolve().parent
PROTO_ROOT = HERE.parents[1] / "proto"
PROTO = "chrys/cloud/videostreaming/v1beta1/video_streaming.proto"
STUBS = HERE / "generated"


def load_messages():
    """Returns the message classes, which are generated from the .proto file on first use. By hand, in this folder:

    python3 -m grpc_tools.protoc -I ../../proto --python_out generated \
        chrys/cloud/videostreaming/v1beta1/video_streaming.proto
    """
    stubs = STUBS / PROTO.replace(".proto", "_pb2.py")
    if not stubs.exists() or stubs.stat().st_mtime < (PROTO_ROOT / PROTO).stat().st_mtime:
        from grpc_tools import protoc

        STUBS.mkdir(exist_ok=True)
        if protoc.main(["protoc", f"-I{PROTO_ROOT}", f"--python_out={STUBS}", PROTO]) != 0:
            sys.exit(f"cannot generate the Python stubs from {PROTO_ROOT / PROTO}")
    sys.path.insert(0, str(STUBS))
    from chrys.cloud.videostreaming.v1beta1 import video_streaming_pb2

    return video_streaming_pb2


pb = load_messages()


class Proxy:
    """One connection. `address` is host:port; the proxy's default gRPC port is 50001."""

    def __init__(self, address="127.0.0.1:50001"):
        # A 1080p frame is 6.2 MB; the default limit of gRPC is 4 MB.
        options = [("grpc.max_receive_message_length", 50 * 1024 * 1024)]
        self._channel = grpc.insecure_channel(address, options=options)
        service = "/chrys.cloud.videostreaming.v1beta1.Image/"
        self._list_streams = self._channel.unary_stream(
            service + "ListStreams", pb.ListStreamRequest.SerializeToString, pb.ListStream.FromString
        )
        # The .proto declares a bidirectional stream. A unary call is a stream of one, and simpler to use.
        self._latest_image = self._channel.unary_unary(
            service + "VideoLatestImage", pb.VideoFrameRequest.SerializeToString, pb.VideoFrame.FromString
        )

    def cameras(self):
        """Returns a ListStream for each camera: name, status, running, error …"""
        return list(self._list_streams(pb.ListStreamRequest(), timeout=10))

    def frames(self, camera, keyframes_only=False):
        """Yields the frames of a camera without end, and waits while the camera is away.

        Raises grpc.RpcError when there is no such camera, or no proxy.
        """
        request = pb.VideoFrameRequest(device_id=camera, key_frame_only=keyframes_only)
        while True:
            try:
                frame = self._latest_image(request, timeout=30)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                print(f"{camera}: {error.details()}", file=sys.stderr)
                time.sleep(1)
                continue
            if frame.data:  # empty: the camera is connected, but no new frame came in time
                yield frame


def picture(frame):
    """Returns the pixels of a frame: height x width x 3, blue-green-red, the order that OpenCV uses."""
    return np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 3)


def explain(error):
    """Ends the program and prints why a call failed."""
    sys.exit(f"chrysproxy answered {error.code().name}: {error.details()}")

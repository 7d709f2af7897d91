#!/usr/bin/env python3
"""Lists the cameras of a proxy.   list.py [HOST:PORT]"""
import sys

import grpc

from client import Proxy, explain

try:
    cameras = Proxy(*sys.argv[1:2]).cameras()
except grpc.RpcError as error:
    explain(error)

for camera in cameras:
    print(f"{camera.name:<24} {camera.status:<12} {camera.error}")
if not cameras:
    print("The proxy has no cameras yet. Add one: chrysproxy camera add NAME RTSP-URL")

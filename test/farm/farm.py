#!/usr/bin/python3
"""A farm of RTSP cameras on 127.0.0.1. It plays the clips of make_clips.py in real time, until its stdin is closed.

    farm.py '{"port": 0, "mounts": [{"path": "a", "clip": "h264-640x480-25-g50"}, …]}'

A mount is {path, clip, shared?, user?, password?, auth?, then?, sound?, host?, tls?, protocol?}:
    shared    true: all clients see one camera. It starts with frame 0 at the first client and runs while it has clients.
              false (default): each client has its own run, from frame 0.
    user, password, auth ("digest", the default, or "basic"), host ("127.0.0.1", the default, or "::1"), tls (paths of
              PEM files, {"cert", "key"}): mounts that differ in these have different ports.
    protocol  "tcp" or "udp": the only transport that is offered. Default: both.
    sound     "aac", "opus" or "pcmu": an audio track with a tick per second.
    then      {"clip", "after"}: plays another clip after `after` access units, at the end of their group of pictures.

The first line on stdout is {"ready": true, "ports": [main, the further ones…], "mounts": {path: {url, timing}}}.
`url` has no credentials. `timing` is a file of little-endian int64, one for each number that a barcode can show: the
time at which that picture was last pushed, microseconds since the epoch, 0 = never. Pictures repeat after the length of
the clip (12 s), so the age of a received picture is its arrival minus this entry.
With `ports`, the farm listens on these ports. With `folder`, the timing files are there, else in a temporary folder.

Commands are JSON lines on stdin, each answered by one:
    {"cmd": "add", "mount": {…}}, {"cmd": "remove", "path": …}
    {"cmd": "disconnect"}: closes all connections
    {"cmd": "certificate", "path": …, "tls": {…}}: for new connections
    {"cmd": "clients"} → {"clients": n, "sessions": n, "pushed": {path: access units}}
It also ends with its parent.
"""
import atexit
import ctypes
import heapq
import json
import mmap
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

HERE = Path(__file__).resolve().parent
NUMBERS = 65536  # what a barcode can show
TONE = 'audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample'
SOUND = {
    'aac': f'{TONE} ! audio/x-raw,rate=48000,channels=2 ! voaacenc bitrate=64000 ! rtpmp4gpay name=pay1 pt=97',
    'opus': f'{TONE} ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay name=pay1 pt=97',
    'pcmu': f'{TONE} ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0',
}
# For each codec: caps of the stream, and the payloader.
VIDEO = {
    'h264': ('video/x-h264,stream-format=byte-stream,alignment=au', 'rtph264pay name=pay0 pt=96 config-interval=-1'),
    'hevc': ('video/x-h265,stream-format=byte-stream,alignment=au', 'rtph265pay name=pay0 pt=96 config-interval=-1'),
    'mjpeg': ('image/jpeg,parsed=true,width={width},height={height},framerate={fps}/1', 'rtpjpegpay name=pay0 pt=26'),
}
# A farm that a busy machine delays catches up: it loses no picture. After a longer stop, as a frozen camera, it goes on
# with what is in front of its lens now.
LATE_SECONDS = 5


class Clip:
    """A clip in memory, as access units in decoding order."""

    loaded: dict[str, 'Clip'] = {}

    def __init__(self, name: str):
        made = subprocess.check_output([sys.executable, str(HERE / 'make_clips.py'), name], text=True).strip()
        about = json.loads(Path(made).read_text())
        stream = Path(made).with_suffix('.es').read_bytes()
        self.codec = about['codec']
        self.fps = about['fps']
        self.width = about['width']
        self.height = about['height']
        self.gop = about['gop']
        self.units = [(Gst.Buffer.new_wrapped(stream[at : at + size]), number, key) for at, size, number, key in about['units']]
        self.reorder = max(at - number for at, (_, number, _) in enumerate(self.units))

    @classmethod
    def load(cls, name: str) -> 'Clip':
        if name not in cls.loaded:
            cls.loaded[name] = cls(name)
        return cls.loaded[name]


class Feed:
    """One run of a mount's clip into one appsrc. Used only by the pusher thread."""

    def __init__(self, mount: 'Mount', source):
        self.mount = mount
        self.source = source
        self.clip = mount.clip
        self.next = 0  # access unit since the start of this clip
        self.start = time.monotonic()  # when unit 0 is due
        self.start_running = 0.0  # its running time in the pipeline, seconds
        self.alive = True

    def due(self) -> float:
        return self.start + self.next / self.clip.fps

    def push(self) -> None:
        count = len(self.clip.units)
        late = time.monotonic() - self.due()
        if late > LATE_SECONDS:
            skipped = int(late * self.clip.fps)
            self.next += -(-skipped // self.clip.gop) * self.clip.gop - self.next % self.clip.gop
            if time.monotonic() < self.due():
                return
        loop, at = divmod(self.next, count)
        data, number, _ = self.clip.units[at]
        # Shares the memory of the clip: only timestamps differ between clients and loops.
        buffer = data.copy_region(Gst.BufferCopyFlags.MEMORY, 0, data.get_size())
        position = loop * count + number + self.clip.reorder
        buffer.pts = round((self.start_running + position / self.clip.fps) * Gst.SECOND)
        buffer.dts = round((self.start_running + self.next / self.clip.fps) * Gst.SECOND)
        buffer.duration = Gst.SECOND // self.clip.fps
        self.mount.stamp(number)
        if self.source.emit('push-buffer', buffer) != Gst.FlowReturn.OK:
            self.alive = False
        self.next += 1
        then = self.mount.then
        if then and self.clip is self.mount.clip and self.next >= then['after'] and self.next % self.clip.gop == 0:
            self.start_running += self.next / self.clip.fps
            self.start += self.next / self.clip.fps
            self.next = 0
            self.clip = Clip.load(then['clip'])


class Pusher(threading.Thread):
    """Pushes every feed's access units when they are due."""

    def __init__(self):
        super().__init__(daemon=True)
        self.wake = threading.Condition()
        self.heap: list[tuple[float, int, Feed]] = []

    def add(self, feed: Feed) -> None:
        with self.wake:
            heapq.heappush(self.heap, (feed.due(), id(feed), feed))
            self.wake.notify()

    def run(self) -> None:
        while True:
            with self.wake:
                while not self.heap or self.heap[0][0] > time.monotonic():
                    self.wake.wait(self.heap[0][0] - time.monotonic() if self.heap else None)
                feed = heapq.heappop(self.heap)[2]
            if feed.alive:
                feed.push()
                self.add(feed)


class Place(NamedTuple):
    """The options that all mounts of one port share."""

    host: str
    account: tuple | None
    tls: tuple | None


PLAIN = Place('127.0.0.1', None, None)


class Mount:
    def __init__(self, farm: 'Farm', options: dict):
        self.farm = farm
        self.path = options['path']
        self.clip = Clip.load(options['clip'])
        self.shared = options.get('shared', False)
        self.sound = options.get('sound')
        self.then = options.get('then')
        if self.then:
            Clip.load(self.then['clip'])
        account = (options['user'], options['password'], options.get('auth', 'digest')) if 'user' in options else None
        tls = (options['tls']['cert'], options['tls']['key']) if 'tls' in options else None
        self.place = Place(options.get('host', '127.0.0.1'), account, tls)
        self.protocol = options.get('protocol')
        self.pushed = 0
        self.timing_path = f'{farm.folder}/{self.path}.timing'
        with open(self.timing_path, 'w+b') as file:
            file.truncate(NUMBERS * 8)
            self.timing = mmap.mmap(file.fileno(), NUMBERS * 8)

    def stamp(self, number: int) -> None:
        struct.pack_into('<q', self.timing, number * 8, time.time_ns() // 1000)
        self.pushed += 1

    def factory(self):
        factory = GstRtspServer.RTSPMediaFactory()
        caps, payloader = VIDEO[self.clip.codec]
        caps = caps.format(width=self.clip.width, height=self.clip.height, fps=self.clip.fps)
        factory.set_launch(f'( appsrc name=source is-live=true format=time caps={caps} ! {payloader} '
                           f'{SOUND.get(self.sound, "")} )')
        if self.protocol:
            factory.set_protocols({'tcp': GstRtsp.RTSPLowerTrans.TCP, 'udp': GstRtsp.RTSPLowerTrans.UDP}[self.protocol])
        factory.set_shared(self.shared)
        factory.set_eos_shutdown(False)
        factory.set_latency(0)
        factory.connect('media-configure', self.configure)
        return factory

    def configure(self, _factory, media) -> None:
        feed = Feed(self, media.get_element().get_by_name('source'))
        media.connect('unprepared', lambda _media: setattr(feed, 'alive', False))
        pipeline = media.get_element().get_parent()
        if pipeline:
            pipeline.connect('deep-element-added', unsynchronized)
        self.farm.pusher.add(feed)


def unsynchronized(_pipeline, _bin, element) -> None:
    """Makes sinks send at once, as a camera does. The pusher keeps the time."""
    if element.find_property('sync'):
        element.set_property('sync', False)


class Farm:
    def __init__(self, options: dict):
        self.folder = options.get('folder') or tempfile.mkdtemp(prefix='camera-farm-')
        if 'folder' not in options:
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.pusher = Pusher()
        self.pusher.start()
        self.mounts: dict[str, Mount] = {}
        self.servers: dict[Place, GstRtspServer.RTSPServer] = {}
        self.ports = list(options.get('ports') or [options.get('port', 0)])
        self.server(PLAIN)
        for mount in options.get('mounts', []):
            self.add(mount)

    def server(self, place: Place):
        if place not in self.servers:
            server = GstRtspServer.RTSPServer()
            server.set_address(place.host)
            at = len(self.servers)
            server.set_service(str(self.ports[at] if at < len(self.ports) else 0))
            if place.account or place.tls:
                server.set_auth(authentication(place))
            if server.attach(None) == 0:
                raise SystemExit(f'the farm cannot listen on port {server.get_service()}')
            self.servers[place] = server
        return self.servers[place]

    def add(self, options: dict) -> dict:
        mount = Mount(self, options)
        factory = mount.factory()
        if mount.place.account or mount.place.tls:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role('viewer', 'media.factory.access', True)
            permissions.add_permission_for_role('viewer', 'media.factory.construct', True)
            factory.set_permissions(permissions)
        self.server(mount.place).get_mount_points().add_factory(f'/{mount.path}', factory)
        self.mounts[mount.path] = mount
        return self.about(mount)

    def remove(self, path: str) -> None:
        mount = self.mounts.pop(path)
        self.servers[mount.place].get_mount_points().remove_factory(f'/{path}')

    def about(self, mount: Mount) -> dict:
        host, _, tls = mount.place
        address = f'[{host}]' if ':' in host else host
        port = self.servers[mount.place].get_bound_port()
        return {'url': f'rtsp{"s" if tls else ""}://{address}:{port}/{mount.path}',
                'timing': mount.timing_path}

    def disconnect(self) -> int:
        dropped = 0
        for server in self.servers.values():
            # REMOVE closes the connections, but only REF returns a list to count.
            dropped += len(server.client_filter(lambda _server, _client: GstRtspServer.RTSPFilterResult.REF))
            server.client_filter(lambda _server, _client: GstRtspServer.RTSPFilterResult.REMOVE)
        return dropped

    def clients(self) -> dict:
        count = sum(len(server.client_filter(None) or []) for server in self.servers.values())
        sessions = sum(server.get_session_pool().get_n_sessions() for server in self.servers.values())
        pushed = {path: mount.pushed for path, mount in self.mounts.items()}
        return {'clients': count, 'sessions': sessions, 'pushed': pushed}

    def ready(self) -> dict:
        return {'ready': True, 'ports': [server.get_bound_port() for server in self.servers.values()],
                'mounts': {path: self.about(mount) for path, mount in self.mounts.items()}}

    def command(self, line: str) -> dict:
        try:
            request = json.loads(line)
            if request['cmd'] == 'add':
                return self.add(request['mount'])
            if request['cmd'] == 'remove':
                self.remove(request['path'])
                return {}
            if request['cmd'] == 'disconnect':
                return {'dropped': self.disconnect()}
            if request['cmd'] == 'certificate':
                auth = self.servers[self.mounts[request['path']].place].get_auth()
                auth.set_tls_certificate(certificate(request['tls']['cert'], request['tls']['key']))
                return {}
            if request['cmd'] == 'clients':
                return self.clients()
            return {'error': f'no such command: {request["cmd"]}'}
        except Exception as error:  # reported to the test that sent the command
            return {'error': f'{type(error).__name__}: {error}'}


def certificate(cert: str, key: str):
    return Gio.TlsCertificate.new_from_files(cert, key)


def authentication(place: Place):
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'viewer')
    if place.tls:
        auth.set_tls_certificate(certificate(*place.tls))
    if place.account is None:
        auth.set_default_token(token)
        return auth
    user, password, method = place.account
    if method == 'basic':
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    return auth


def say(answer: dict) -> None:
    sys.stdout.write(json.dumps(answer) + '\n')
    sys.stdout.flush()


def main() -> None:
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Gst.init(None)
    farm = Farm(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
    loop = GLib.MainLoop()

    def read_commands() -> None:
        for line in sys.stdin:
            if line.strip():
                GLib.idle_add(lambda line=line: say(farm.command(line)))
        loop.quit()

    threading.Thread(target=read_commands, daemon=True).start()
    say(farm.ready())
    loop.run()


if __name__ == '__main__':
    main()

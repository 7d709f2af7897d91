#!/usr/bin/python3
"""Makes the clips that the camera farm plays. Each frame shows its number as a barcode.

    make_clips.py h264-640x480-25-g50 hevc-640x360-25-g50-10s …

The name of a clip describes it: codec (h264 | hevc | mjpeg), size, frames per second, -g<packets per group of
pictures>, and optionally -open (groups whose first B-frames refer to the group before; without B-frames: I pictures that
are not IDR), -refresh (h264 only: intra refresh within each group, a single IDR at the beginning), -slices<slices per
picture> (1), -b<consecutive B-frames> (0), -<seconds>s (12) and -<kilobits per second>k (0.1 bit a pixel).
Each clip has three files in test/.cache/clips. They are made once and renamed into place, NAME.json last:

    NAME.mp4   the clip as a file
    NAME.es    the clip as an Annex B elementary stream, with parameter sets before each keyframe; mjpeg: consecutive JPEG
               files with the standard Huffman tables
    NAME.json  {name, codec, width, height, fps, gop, frames, units: [[offset, size, number, keyframe], …]}
               the access units of NAME.es in decoding order, with the number that the picture shows

The barcode stands at the top and at the bottom of the picture, each a twelfth of its height: 26 blocks of equal width,
white, black, 16 bits of the number (most significant first, white = 1) and 8 bits of checksum,
`(number ^ number >> 8 ^ 0xA5) & 0xFF`. A picture whose two barcodes differ is torn or mixed.
"""
import fcntl
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CACHE = Path(__file__).resolve().parent.parent / '.cache' / 'clips'
BLOCKS = 26
NAME = re.compile(
    r'(?P<codec>h264|hevc|mjpeg)-(?P<width>\d+)x(?P<height>\d+)-(?P<fps>\d+)-g(?P<gop>\d+)'
    r'(?P<open>-open)?(?P<refresh>-refresh)?(?:-slices(?P<slices>\d+))?(?:-b(?P<bframes>\d+))?(?:-(?P<seconds>\d+)s)?(?:-(?P<kbps>\d+)k)?'
)


@dataclass(frozen=True)
class Spec:
    name: str
    codec: str
    width: int
    height: int
    fps: int
    gop: int
    open: bool
    refresh: bool
    slices: int
    bframes: int
    seconds: int
    kbps: int

    @property
    def frames(self) -> int:
        """Whole groups of pictures only, so that the clip can be looped."""
        return max(1, self.seconds * self.fps // self.gop) * self.gop


def parse(name: str) -> Spec:
    match = NAME.fullmatch(name)
    if not match:
        raise SystemExit(f'"{name}" is not a clip name such as h264-640x480-25-g50-b2-12s-4000k')
    n = {key: int(value) for key, value in match.groupdict().items() if (value or '').isdigit()}
    kbps = n.get('kbps', max(600, n['width'] * n['height'] * n['fps'] // 10_000))
    return Spec(name, match['codec'], n['width'], n['height'], n['fps'], n['gop'],
                match['open'] is not None, match['refresh'] is not None, n.get('slices', 1), n.get('bframes', 0),
                n.get('seconds', 12), kbps)


def barcode_row(number: int, width: int) -> np.ndarray:
    """One line of luma that shows the number."""
    checksum = (number ^ number >> 8 ^ 0xA5) & 0xFF
    bits = [1, 0] + [number >> bit & 1 for bit in range(15, -1, -1)] + [checksum >> bit & 1 for bit in range(7, -1, -1)]
    block = np.arange(width) * BLOCKS // width
    return np.where(np.array(bits)[block] == 1, 235, 16).astype(np.uint8)


def texture(random: np.random.Generator, height: int, width: int, low: int, high: int) -> np.ndarray:
    """Noise of several scales, which looks to an encoder like foliage does."""
    total = np.zeros((height, width), np.float32)
    for scale, weight in ((64, 4.0), (16, 2.0), (4, 1.0), (1, 0.35)):
        coarse = random.random((height // scale + 2, width // scale + 2), np.float32)
        total += weight * np.kron(coarse, np.ones((scale, scale), np.float32))[:height, :width]
    total -= total.min()
    return (low + total * ((high - low) / total.max())).astype(np.uint8)


def raw_frames(spec: Spec):
    """Yields planar 4:2:0 pictures: a panning texture, a moving square, sensor noise, the barcodes."""
    random = np.random.default_rng(spec.width * 31 + spec.height)
    width, height = spec.width, spec.height
    margin = 2 * 128
    luma = texture(random, height + margin, width + margin, 30, 220)
    chroma = [texture(random, (height + margin) // 2, (width + margin) // 2, 96, 160) for _ in range(2)]
    noise = [random.integers(0, 6, (height, width), np.uint8) for _ in range(4)]
    bar = max(2, height // 12)
    side = max(16, height // 5)
    for number in range(spec.frames):
        angle = 2 * np.pi * number / spec.frames
        x = int(64 + 60 * np.cos(2 * angle)) * 2
        y = int(64 + 60 * np.sin(3 * angle)) * 2
        picture = luma[y : y + height, x : x + width] + noise[number % 4]
        left = int((width - side) * (0.5 + 0.5 * np.sin(angle * 4)))
        top = int((height - side) * (0.5 + 0.5 * np.cos(angle * 3)))
        picture[top : top + side, left : left + side] ^= 0x7F
        row = barcode_row(number, width)
        picture[:bar] = row
        picture[-bar:] = row
        planes = [plane[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2].copy() for plane in chroma]
        for plane in planes:  # grey barcodes
            plane[: bar // 2 + 1] = 128
            plane[-(bar // 2 + 1) :] = 128
        yield picture.tobytes() + planes[0].tobytes() + planes[1].tobytes()


def encoder_arguments(spec: Spec) -> list[str]:
    if spec.codec == 'mjpeg':
        return ['-c:v', 'mjpeg', '-huffman', 'default', '-pix_fmt', 'yuvj420p', '-q:v', '5']
    rate = ['-b:v', f'{spec.kbps}k', '-maxrate', f'{spec.kbps}k', '-bufsize', f'{spec.kbps}k', '-bf', str(spec.bframes)]
    if spec.codec == 'h264':
        return ['-c:v', 'libx264', '-preset', 'veryfast', '-g', str(spec.gop), '-keyint_min', str(spec.gop),
                '-x264-params', f'scenecut=0:b-adapt=0:open-gop={int(spec.open)}:sliced-threads=0:slices={spec.slices}'
                + ':intra-refresh=1' * spec.refresh, *rate]
    return ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params',
            f'keyint={spec.gop}:min-keyint={spec.gop}:scenecut=0:open-gop={int(spec.open)}:b-adapt=0:'
            f'bframes={spec.bframes}:repeat-headers=1:slices={spec.slices}:log-level=error', '-tag:v', 'hvc1', *rate]


def run_ffmpeg(*arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen(['ffmpeg', '-nostdin', '-v', 'error', '-y', *arguments], **options)


def split_units(stream: bytes, codec: str) -> list[tuple[int, int]]:
    """(offset, size) of each access unit. Each begins with an access unit delimiter, or is a JPEG file."""
    delimiter = {'h264': b'\0\0\0\1\x09', 'hevc': b'\0\0\0\1\x46', 'mjpeg': b'\xff\xd8\xff'}[codec]
    starts = []
    at = stream.find(delimiter)
    while at >= 0:
        starts.append(at)
        at = stream.find(delimiter, at + len(delimiter))
    return [(start, end - start) for start, end in zip(starts, [*starts[1:], len(stream)])]


def filters(spec: Spec, chain: str) -> list[str]:
    return [] if spec.codec == 'mjpeg' else ['-bsf:v', chain]


def make(spec: Spec) -> None:
    final = {ext: CACHE / f'{spec.name}.{ext}' for ext in ('mp4', 'es', 'json')}
    part = {ext: CACHE / f'{spec.name}.{os.getpid()}.part.{ext}' for ext in final}
    try:
        encoder = run_ffmpeg('-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', f'{spec.width}x{spec.height}',
                             '-r', str(spec.fps), '-i', 'pipe:0', *encoder_arguments(spec),
                             *filters(spec, f'{spec.codec}_metadata=aud=insert'), str(part['mp4']),
                             stdin=subprocess.PIPE)
        for picture in raw_frames(spec):
            encoder.stdin.write(picture)
        encoder.stdin.close()
        to_annexb = f'{spec.codec}_mp4toannexb,{spec.codec}_metadata=aud=insert'
        if encoder.wait() != 0 or run_ffmpeg('-i', str(part['mp4']), '-c', 'copy', *filters(spec, to_annexb), '-f',
                                             spec.codec, str(part['es'])).wait() != 0:
            raise SystemExit(f'ffmpeg could not make the clip {spec.name}')
        probe = json.loads(subprocess.check_output(
            ['ffprobe', '-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts,flags', '-of', 'json',
             str(part['mp4'])]))
        packets = [(packet['pts'], packet['flags'].startswith('K')) for packet in probe['packets']]
        order = {pts: number for number, pts in enumerate(sorted(pts for pts, _ in packets))}
        spans = split_units(part['es'].read_bytes(), spec.codec)
        if not len(spans) == len(packets) == len(order) == spec.frames:
            raise SystemExit(f'{spec.name}: {len(spans)} access units, {len(packets)} packets, {spec.frames} frames')
        units = [[*span, order[pts], int(key)] for span, (pts, key) in zip(spans, packets)]
        part['json'].write_text(json.dumps({
            'name': spec.name, 'codec': spec.codec, 'width': spec.width, 'height': spec.height, 'fps': spec.fps,
            'gop': spec.gop, 'frames': spec.frames, 'units': units}))
        for ext in final:
            part[ext].rename(final[ext])
    finally:
        for path in part.values():
            path.unlink(missing_ok=True)


def ensure(name: str) -> Path:
    """Makes the clip unless it exists. Returns the path of its JSON."""
    spec = parse(name)
    CACHE.mkdir(parents=True, exist_ok=True)
    done = CACHE / f'{name}.json'
    if not done.exists():
        with open(CACHE / f'{name}.lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                make(spec)
    return done


if __name__ == '__main__':
    for argument in sys.argv[1:]:
        print(ensure(argument))

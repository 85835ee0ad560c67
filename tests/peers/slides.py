#!/usr/bin/env python3
"""The reads of tests/benchmarks/slide_reads.cpp with openslide-python (Debian: python3-openslide), and how many times faster ours are;
with tiffslide and large_image too where this Python has them.

    python3 tests/peers/slides.py SLIDE BUILD/bin/slide_reads [--reads 1500] [--repeats 3]

One OpenSlide object is shared by the threads, as its documentation recommends, and so with the others; what is timed is read_region (an
RGBA picture; an array of tiffslide and large_image, getTile for large_image's tiles) alone, caches as they come. Runs take turns, and the
median of the repeats is printed, with the range of the ratios.
"""
import argparse
import json
import statistics
import subprocess
import threading
import time

import openslide

try:
    import tiffslide
except ImportError:
    tiffslide = None
try:
    import large_image
except ImportError:
    large_image = None


class Sequence:
    def __init__(self):
        self.state = 1

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        return (self.state >> 33) % n


def tile_places(width, height, reads):
    across, down = (width + 255) // 256, (height + 255) // 256
    sequence = Sequence()
    if across * down > 100000:
        return [(256 * sequence.below(across), 256 * sequence.below(down)) for _ in range(reads)]
    grid = [(256 * x, 256 * y) for y in range(down) for x in range(across)]
    for i in range(len(grid) - 1, 0, -1):
        j = sequence.below(i + 1)
        grid[i], grid[j] = grid[j], grid[i]
    return [grid[i % len(grid)] for i in range(reads)]


def region_places(width, height, reads):
    sequence = Sequence()
    return [(sequence.below(max(1, width - 224)), sequence.below(max(1, height - 224))) for _ in range(reads)]


def per_second(read, places, threads):
    lock, todo = threading.Lock(), iter(places)

    def work():
        while True:
            with lock:
                place = next(todo, None)
            if place is None:
                return
            read(*place)

    start = time.perf_counter()
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(places) / (time.perf_counter() - start)


# Each gives the size of level 0, and functions that read a tile of 256 px and a region of 224 px at a place.
def with_openslide(path):
    slide = openslide.OpenSlide(path)
    return slide.dimensions, lambda x, y: slide.read_region((x, y), 0, (256, 256)), lambda x, y: slide.read_region((x, y), 0, (224, 224))


def with_tiffslide(path):
    slide = tiffslide.TiffSlide(path)
    return (
        slide.dimensions,
        lambda x, y: slide.read_region((x, y), 0, (256, 256), as_array=True),
        lambda x, y: slide.read_region((x, y), 0, (224, 224), as_array=True),
    )


def with_large_image(path):
    source = large_image.open(path, noCache=True)
    finest = source.levels - 1
    if source.tileWidth != 256 or source.tileHeight != 256:
        raise ValueError("large_image's tiles of this slide are not 256 px")
    return (
        (source.sizeX, source.sizeY),
        lambda x, y: source.getTile(x // 256, y // 256, finest, numpyAllowed="always"),
        lambda x, y: source.getRegion(region=dict(left=x, top=y, width=224, height=224), format=large_image.constants.TILE_FORMAT_NUMPY),
    )


def peer(opener, path, threads, reads):
    (width, height), tile, region = opener(path)
    return {
        "tiles_per_s": per_second(tile, tile_places(width, height, reads), threads),
        "regions_per_s": per_second(region, region_places(width, height, reads), threads),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("slide")
    parser.add_argument("program")
    parser.add_argument("--reads", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    peers = {f"openslide-python {openslide.__version__}": with_openslide}
    if tiffslide:
        peers[f"tiffslide {tiffslide.__version__}"] = with_tiffslide
    if large_image:
        peers[f"large_image {large_image.__version__}"] = with_large_image
    print(f"OpenSlide {openslide.__library_version__}")
    for threads in (1, 2):
        ours, theirs = [], {name: [] for name in peers}
        for _ in range(args.repeats):
            out = subprocess.run([args.program, args.slide, str(threads), str(args.reads)], check=True, capture_output=True, text=True)
            ours.append(json.loads(out.stdout))
            for name, opener in peers.items():
                theirs[name].append(peer(opener, args.slide, threads, args.reads))
        for what in ("tiles_per_s", "regions_per_s"):
            a = statistics.median(o[what] for o in ours)
            print(f"{threads} thread(s) {what:14} ours {a:8.0f}")
            for name, figures in theirs.items():
                b = statistics.median(t[what] for t in figures)
                ratios = sorted(o[what] / t[what] for o, t in zip(ours, figures))
                print(f"    {name:24} {b:8.0f}  ratio {a / b:.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f})")
        print(f"    peak memory of ours {max(o['peak_memory_mb'] for o in ours):.0f} MB")


if __name__ == "__main__":
    main()

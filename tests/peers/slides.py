#!/usr/bin/env python3
"""The reads of tests/benchmarks/slide_reads.cpp with openslide-python (Debian: python3-openslide), and how many times faster ours are.

    python3 tests/peers/slides.py SLIDE BUILD/bin/slide_reads [--reads 1500] [--repeats 3]

One OpenSlide object is shared by the threads, as its documentation recommends; what is timed is read_region (an RGBA picture) alone. Runs
take turns, and the median of the repeats is printed, with the range of the ratios.
"""
import argparse
import json
import statistics
import subprocess
import threading
import time

import openslide


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


def per_second(slide, places, side, threads):
    lock, todo = threading.Lock(), iter(places)

    def work():
        while True:
            with lock:
                place = next(todo, None)
            if place is None:
                return
            slide.read_region(place, 0, (side, side))

    start = time.perf_counter()
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(places) / (time.perf_counter() - start)


def peer(path, threads, reads):
    slide = openslide.OpenSlide(path)
    width, height = slide.dimensions
    figures = {
        "tiles_per_s": per_second(slide, tile_places(width, height, reads), 256, threads),
        "regions_per_s": per_second(slide, region_places(width, height, reads), 224, threads),
    }
    slide.close()
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("slide")
    parser.add_argument("program")
    parser.add_argument("--reads", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print(f"openslide-python {openslide.__version__}, OpenSlide {openslide.__library_version__}")
    for threads in (1, 2):
        ours, theirs = [], []
        for _ in range(args.repeats):
            out = subprocess.run([args.program, args.slide, str(threads), str(args.reads)], check=True, capture_output=True, text=True)
            ours.append(json.loads(out.stdout))
            theirs.append(peer(args.slide, threads, args.reads))
        for what in ("tiles_per_s", "regions_per_s"):
            a = statistics.median(o[what] for o in ours)
            b = statistics.median(t[what] for t in theirs)
            ratios = sorted(o[what] / t[what] for o, t in zip(ours, theirs))
            print(f"{threads} thread(s) {what:14} ours {a:8.0f}  openslide-python {b:8.0f}  ratio {a / b:.2f} ({ratios[0]:.2f} .. {ratios[-1]:.2f})")
        print(f"            peak memory of ours {max(o['peak_memory_mb'] for o in ours):.0f} MB")


if __name__ == "__main__":
    main()

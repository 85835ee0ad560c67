#!/usr/bin/env python3
"""Seconds from a request of the gene dial to its tile: the first one of a worker, which loads slide, spots and generator, and warm ones.

    python3 tests/benchmarks/gene_dial.py BUILD/bin/c2l PROJECT.c2l [--turns 8] [--workers 3] [any parameter of 'sample' as NAME=VALUE]

PROJECT has been adapted ('c2l adapt'). Each of the workers is a fresh 'c2l worker' process, as the window starts one; the file cache is warm after the
first. Wall seconds include drawing (10 Heun steps with guidance), decoding, PNG and the pipe. CPU seconds are those of the worker: on a machine that
is busy with other work they tell more. Standard library only.
"""
import argparse
import base64
import json
import os
import statistics
import subprocess
import time


class Worker:
    def __init__(self, program):
        environment = {"GOMP_SPINCOUNT": "1000"} | os.environ  # as the window sets it
        self.process = subprocess.Popen([program, "worker"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.id = 0

    def ask(self, method, params):
        """(result, wall seconds, CPU seconds of the worker)"""
        self.id += 1
        payload = json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}).encode()
        cpu, wall = self.cpu(), time.perf_counter()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(payload) + payload)
        self.process.stdin.flush()
        while True:
            message = self.read()
            if message.get("id") != self.id:
                continue  # progress
            if "error" in message:
                raise SystemExit(message["error"]["message"])
            return message["result"], time.perf_counter() - wall, self.cpu() - cpu

    def read(self):
        length = 0
        while (line := self.process.stdout.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if length == 0:
            raise SystemExit("the worker has ended")
        return json.loads(self.process.stdout.read(length))

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(program, sample, turns):
    worker = Worker(program)
    _, started, _ = worker.ask("capabilities", {})
    listed, first, first_cpu = worker.ask("sample", sample | {"list": True})
    gene = listed["genes"][0]
    warm = [worker.ask("sample", sample | {"dial": f"{gene}={-2 + 4 * i / max(1, turns - 1):.3f}"}) for i in range(turns)]
    assert all(base64.b64decode(result["png_base64"]).startswith(b"\x89PNG") for result, _, _ in warm)
    worker.close()
    return started, first, first_cpu, [w for _, w, _ in warm], [c for _, _, c in warm]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("project")
    parser.add_argument("params", nargs="*", help="NAME=VALUE")
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--workers", type=int, default=3)
    args = parser.parse_args()
    sample = {"project": os.path.abspath(args.project), "seed": 1}
    for item in args.params:
        name, value = item.split("=", 1)
        try:
            sample[name] = json.loads(value)
        except ValueError:
            sample[name] = value
    print(f"load average {os.getloadavg()[0]:.1f}")
    print("worker up   first tile (CPU)   warm tile: median, worst (CPU median)   [s]")
    for _ in range(args.workers):
        started, first, first_cpu, warm, warm_cpu = measure(args.program, sample, args.turns)
        print(f"{started:9.2f}   {first:10.2f} ({first_cpu:.2f})   {statistics.median(warm):17.2f}, {max(warm):5.2f} ({statistics.median(warm_cpu):.2f})")


if __name__ == "__main__":
    main()

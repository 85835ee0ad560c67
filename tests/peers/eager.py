#!/usr/bin/env python3
"""A preset's denoiser in PyTorch, as a user of PyTorch would run it: the yardstick of tests/benchmarks/training_speed.

  eager.py check WEIGHTS.safetensors [preset=tiny]   compares with the input and output that training_speed wrote beside the weights
  eager.py time [preset=tiny] [device=cpu] [threads=2] [repeats=10] [batch=32] [sample=1,4] [ways=…]
      times a training step (AdamW, EMA) and sampling (Heun 10, guidance)

Needs torch (1.13 or later) alone. Ways to bfloat16, of which the fastest counts: "cast" rounds the inputs and weights of each product and
leaves the rest in fp32; "autocast" is torch.autocast with GroupNorm in fp32; "compile" is torch.compile over autocast (PyTorch 2).
"fp32" is none of them, and the one that counts on a processor without bfloat16.
"""
import json
import statistics
import struct
import sys
import time

import numpy
import torch
from torch import nn

from networks import Conv, make


def load(path):
    """Tensors of a safetensors file of fp32 or bfloat16 numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = numpy.frombuffer(data[begin:end], "<f4" if entry["dtype"] == "F32" else "<u2").copy()
            tensor = torch.from_numpy(raw if entry["dtype"] == "F32" else (raw.astype("<u4") << 16).view("<f4"))
            out[name] = tensor.reshape(entry["shape"])
    return out


def check(path, preset):
    tensors, net = load(path), make(preset)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(tensors.pop(net.our_name(name)))
    latent, t = tensors.pop("check.latent"), tensors.pop("check.time")
    expected = {half: tensors.pop("check.bf16" if half else "check.fp32") for half in (False, True)}
    assert not tensors, f"weights that this network does not have: {sorted(tensors)}"
    net = net.to(memory_format=torch.channels_last)
    for half, bound in ((False, 1e-4), (True, 3e-2)):
        Conv.half = half
        with torch.no_grad():
            ours = expected[half]
            error = ((net(latent.contiguous(memory_format=torch.channels_last), t) - ours).abs().max() / ours.abs().max()).item()
        print(f"{'bf16' if half else 'fp32'}: largest difference {error:.1e} of the largest value (bound {bound:.0e})")
        assert error < bound


def measure(name, step, repeats):
    """Prints the best and the median of wall and processor time; the latter with one thread is what a busy machine disturbs least."""
    step()
    wall, cpu = [], []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        step()
        wall.append(1e3 * (time.perf_counter() - begin[0]))
        cpu.append(1e3 * (time.process_time() - begin[1]))
    print(f"{name}: wall {min(wall):.1f} {statistics.median(wall):.1f} cpu {min(cpu):.1f} {statistics.median(cpu):.1f} ms", flush=True)


class Bench:
    def __init__(self, o, way):
        self.device, self.autocast = o["device"], way in ("autocast", "compile")
        self.net = make(o["preset"]).to(self.device, memory_format=torch.channels_last)
        self.run = torch.compile(self.net) if way == "compile" else self.net
        self.shape = self.net.latent

    def noise(self, n):
        return torch.randn(n, *self.shape, device=self.device).contiguous(memory_format=torch.channels_last)

    def velocity(self, x, t):
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.autocast):
            return self.run(x, t).float()

    def training_step(self, batch):
        parameters = list(self.net.parameters())
        matrices, vectors = [p for p in parameters if p.dim() > 1], [p for p in parameters if p.dim() == 1]
        kind = {"fused": True} if self.device != "cpu" else {"foreach": True}
        optimiser = torch.optim.AdamW([{"params": matrices}, {"params": vectors, "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, **kind)
        average = [p.detach().clone() for p in parameters]
        image, noise = self.noise(batch), self.noise(batch)
        t = torch.sigmoid(torch.randn(batch, device=self.device))

        def step():
            optimiser.zero_grad(set_to_none=True)
            mixed = torch.lerp(noise, image, t[:, None, None, None].expand_as(image))
            loss = (self.velocity(mixed, t) - (image - noise)).square().mean()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            with torch.no_grad():
                torch._foreach_mul_(average, 0.999)
                torch._foreach_add_(average, parameters, alpha=0.001)
            loss.item()

        return step

    def sampling(self, batch, steps=10, guidance=3.0):
        """Heun with classifier-free guidance within [0, 0.9], both passes in one batch: what the program does by default."""
        at = lambda x, t: torch.full((x.shape[0],), t, device=self.device)

        def velocity(x, t):
            if t > 0.9:
                return self.velocity(x, at(x, t))
            c, u = self.velocity(torch.cat([x, x]), at(torch.cat([x, x]), t)).chunk(2)
            return u + guidance * (c - u)

        def run():
            x = self.noise(batch)
            with torch.no_grad():
                for i in range(steps):
                    v = velocity(x, i / steps)
                    x = x + v / steps if i + 1 == steps else x + (v + velocity(x + v / steps, (i + 1) / steps)) * (0.5 / steps)
            return x.sum().item()

        return run


def run(o):
    torch.set_num_threads(int(o["threads"]))
    repeats, batch = int(o["repeats"]), int(o["batch"])
    for way in o["ways"].split(","):
        Conv.half = way == "cast"
        bench = Bench(o, way)
        measure(f"{way} training {batch}", bench.training_step(batch), repeats)
        for n in o["sample"].split(","):
            measure(f"{way} sampling {n}", bench.sampling(int(n)), repeats // 4 + 1)


def options(words):
    o = {"preset": "tiny", "device": "cpu", "threads": "2", "repeats": "10", "batch": "32", "sample": "1,4", "ways": ""}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or name not in o:
            sys.exit(f"there is no option {word}")
        o[name] = value
    o["ways"] = o["ways"] or usual_ways(o["device"])
    return o


def usual_ways(device):
    """As training_speed decides: bfloat16 on a GPU and where the processor has it, else fp32, which beats emulation by far."""
    return "cast,autocast" if device != "cpu" or "avx512_bf16" in open("/proc/cpuinfo").read() else "fp32"


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "check":
        check(sys.argv[2], options(sys.argv[3:])["preset"])
    elif len(sys.argv) > 1 and sys.argv[1] == "time":
        run(options(sys.argv[2:]))
    else:
        sys.exit(__doc__)

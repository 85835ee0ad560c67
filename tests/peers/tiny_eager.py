#!/usr/bin/env python3
"""The tiny denoiser in PyTorch eager, as a user of PyTorch would write it: the yardstick of tests/benchmarks/training_speed.

  tiny_eager.py check WEIGHTS.safetensors   compares with the input and output that training_speed wrote beside the weights
  tiny_eager.py time THREADS REPEATS [WAYS]  times a training step (batch 32, AdamW, EMA) and sampling (Heun 10, guidance)

Needs python3-torch (1.13 or later) alone. WAYS to bfloat16, of which the faster counts: "cast" rounds the inputs and weights of each
convolution and leaves the rest in fp32; "autocast" is torch.autocast with GroupNorm in fp32. "fp32" is neither.
"""
import json
import math
import statistics
import struct
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, GROUPS, HEADS, EMBEDDING, LATENT = (64, 128, 256), 16, 4, 256, 8


class Norm(nn.GroupNorm):
    """fp32 whatever goes in: GroupNorm of 1.13 takes no mixture of types."""

    def __init__(self, channels):
        super().__init__(GROUPS, channels)

    def forward(self, x):
        return super().forward(x.float())


class Conv(nn.Conv2d):
    half = False  # inputs and weights rounded to bfloat16, fp32 result

    def __init__(self, a, b, kernel=3, stride=1):
        super().__init__(a, b, kernel, stride, kernel // 2)

    def forward(self, x):
        if not Conv.half:
            return super().forward(x)
        b = torch.bfloat16
        return F.conv2d(x.to(b), self.weight.to(b), self.bias.to(b), self.stride, self.padding).float()


class Block(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.norm1, self.conv1, self.norm2, self.conv2 = Norm(a), Conv(a, b), Norm(b), Conv(b, b)
        self.modulation = nn.Linear(EMBEDDING, 3 * b)
        self.skip = Conv(a, b, 1) if a != b else nn.Identity()

    def forward(self, x, embedding):
        scale, shift, gate = self.modulation(embedding)[:, :, None, None].chunk(3, 1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = F.silu(torch.addcmul(shift, self.norm2(h), scale + 1))
        return self.skip(x) + self.conv2(h) * (gate + 1)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm, self.qkv, self.out = Norm(channels), Conv(channels, 3 * channels, 1), Conv(channels, channels, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).permute(0, 2, 3, 1).reshape(n, h * w, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, n * HEADS, h * w, c // HEADS)
        mixed = torch.bmm(torch.bmm(q, k.transpose(1, 2)).mul(1 / math.sqrt(c // HEADS)).softmax(-1), v)
        return x + self.out(mixed.reshape(n, HEADS, h * w, c // HEADS).permute(0, 2, 1, 3).reshape(n, h, w, c).permute(0, 3, 1, 2))


class Level(nn.Module):
    """Two residual blocks; attention after the second where the map is small."""

    def __init__(self, a, b, attend):
        super().__init__()
        self.blocks = nn.ModuleList([Block(a, b), Block(a, b)])
        self.attention = Attention(b) if attend else None

    def forward(self, i, x, embedding):
        y = self.blocks[i](x, embedding)
        return self.attention(y) if i and self.attention is not None else y


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.time1, self.time2 = nn.Linear(128, EMBEDDING), nn.Linear(EMBEDDING, EMBEDDING)
        self.input, self.down1, self.down2 = Conv(LATENT, WIDTH[0]), Conv(WIDTH[0], WIDTH[1], 3, 2), Conv(WIDTH[1], WIDTH[2], 3, 2)
        self.down = nn.ModuleList([Level(w, w, i > 0) for i, w in enumerate(WIDTH)])
        self.mid, self.mid_attention = Block(WIDTH[2], WIDTH[2]), Attention(WIDTH[2])
        self.up = nn.ModuleList([Level(2 * w, w, i > 0) for i, w in enumerate(WIDTH)])
        self.up2, self.up1 = Conv(WIDTH[2], WIDTH[1]), Conv(WIDTH[1], WIDTH[0])
        self.out_norm, self.out = Norm(WIDTH[0]), Conv(WIDTH[0], LATENT)

    def forward(self, latent, t):
        angles = t[:, None] * 1000 * torch.exp(torch.arange(64) * (-math.log(10000) / 64))
        e = F.silu(self.time2(F.silu(self.time1(torch.cat([angles.cos(), angles.sin()], 1)))))
        h, skips = self.input(latent), []
        for level in range(3):
            if level:
                h = (self.down1 if level == 1 else self.down2)(h)
            for i in range(2):
                h = self.down[level](i, h, e)
                skips.append(h)
        h = self.mid_attention(self.mid(h, e))
        for level in (2, 1, 0):
            for i in range(2):
                h = self.up[level](i, torch.cat([h, skips.pop()], 1), e)
            if level:
                h = (self.up2 if level == 2 else self.up1)(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.out(F.silu(self.out_norm(h)))


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


def our_name(name):
    """Of a parameter here, in our files."""
    p = name.split(".")
    if p[0] in ("down", "up"):
        where = f"{p[0]}{p[1]}." + (p[3] if p[2] == "blocks" else "1.attention")
        return ".".join([where] + p[4 if p[2] == "blocks" else 3:])
    first = {"input": "in", "down1": "downsample1", "down2": "downsample2", "up1": "upsample1", "up2": "upsample2", "out_norm": "out.norm",
             "mid_attention": "mid.attention"}
    return ".".join([first.get(p[0], p[0])] + p[1:])


def check(path):
    tensors, net = load(path), UNet()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(tensors.pop(our_name(name)))
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


def training_step(net, autocast, batch=32):
    parameters = list(net.parameters())
    matrices, vectors = [p for p in parameters if p.dim() > 1], [p for p in parameters if p.dim() == 1]
    optimiser = torch.optim.AdamW([{"params": matrices}, {"params": vectors, "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, foreach=True)
    average = [p.detach().clone() for p in parameters]
    image, noise = (torch.randn(batch, LATENT, 16, 16).contiguous(memory_format=torch.channels_last) for _ in range(2))
    t = torch.sigmoid(torch.randn(batch))

    def step():
        optimiser.zero_grad(set_to_none=True)
        mixed = torch.lerp(noise, image, t[:, None, None, None].expand_as(image))
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            velocity = net(mixed, t)
        loss = (velocity.float() - (image - noise)).square().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_mul_(average, 0.999)
            torch._foreach_add_(average, parameters, alpha=0.001)
        loss.item()

    return step


def sampling(net, autocast, batch, steps=10, guidance=3.0):
    """Heun with classifier-free guidance within [0, 0.9], both passes in one batch: what the program does by default."""
    t_of = lambda x, t: torch.full((x.shape[0],), t)

    def velocity(x, t):
        if t > 0.9:
            return net(x, t_of(x, t)).float()
        c, u = net(torch.cat([x, x]), t_of(torch.cat([x, x]), t)).float().chunk(2)
        return u + guidance * (c - u)

    def run():
        x = torch.randn(batch, LATENT, 16, 16).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            for i in range(steps):
                v = velocity(x, i / steps)
                x = x + v / steps if i + 1 == steps else x + (v + velocity(x + v / steps, (i + 1) / steps)) * (0.5 / steps)
        return x.sum().item()

    return run


def run(threads, repeats, ways):
    torch.set_num_threads(threads)
    for way in ways:
        Conv.half = way == "cast"
        net, autocast = UNet().to(memory_format=torch.channels_last), way == "autocast"
        measure(f"{way} training", training_step(net, autocast), repeats)
        for batch in (1, 4):
            measure(f"{way} sampling {batch}", sampling(net, autocast, batch), repeats // 4 + 1)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "check":
        check(sys.argv[2])
    elif len(sys.argv) in (4, 5) and sys.argv[1] == "time":
        run(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(",") if len(sys.argv) == 5 else ["cast", "autocast"])
    else:
        sys.exit(__doc__)

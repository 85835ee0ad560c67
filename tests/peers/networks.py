"""The denoisers in PyTorch, as a user of PyTorch would write them: yardsticks, not a part of the program. Needs torch (1.13 or later) alone."""
import math

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, GROUPS, HEADS, EMBEDDING = (64, 128, 256), 16, 4, 256


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
    latent = (8, 16, 16)

    def __init__(self):
        super().__init__()
        self.time1, self.time2 = nn.Linear(128, EMBEDDING), nn.Linear(EMBEDDING, EMBEDDING)
        self.input, self.down1, self.down2 = Conv(8, WIDTH[0]), Conv(WIDTH[0], WIDTH[1], 3, 2), Conv(WIDTH[1], WIDTH[2], 3, 2)
        self.down = nn.ModuleList([Level(w, w, i > 0) for i, w in enumerate(WIDTH)])
        self.mid, self.mid_attention = Block(WIDTH[2], WIDTH[2]), Attention(WIDTH[2])
        self.up = nn.ModuleList([Level(2 * w, w, i > 0) for i, w in enumerate(WIDTH)])
        self.up2, self.up1 = Conv(WIDTH[2], WIDTH[1]), Conv(WIDTH[1], WIDTH[0])
        self.out_norm, self.out = Norm(WIDTH[0]), Conv(WIDTH[0], 8)

    def forward(self, latent, t):
        angles = t[:, None] * 1000 * torch.exp(torch.arange(64, device=t.device) * (-math.log(10000) / 64))
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

    @staticmethod
    def our_name(name):
        """Of a parameter here, in our files."""
        p = name.split(".")
        if p[0] in ("down", "up"):
            where = f"{p[0]}{p[1]}." + (p[3] if p[2] == "blocks" else "1.attention")
            return ".".join([where] + p[4 if p[2] == "blocks" else 3:])
        first = {"input": "in", "down1": "downsample1", "down2": "downsample2", "up1": "upsample1", "up2": "upsample2", "out_norm": "out.norm",
                 "mid_attention": "mid.attention"}
        return ".".join([first.get(p[0], p[0])] + p[1:])


def rounded(layer, x):
    """A product in bfloat16 with an fp32 result, where Conv.half asks for it; under autocast PyTorch sees to that."""
    if not Conv.half:
        return layer(x)
    b = torch.bfloat16
    return F.linear(x.to(b), layer.weight.to(b), layer.bias.to(b)).float()


def attend(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1) @ v


class Layer(nn.Module):
    """Attention and perceptron, each modulated by what all layers share plus a bias of its own."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.bias1, self.bias2 = nn.Parameter(torch.zeros(3 * width)), nn.Parameter(torch.zeros(3 * width))
        self.norm = nn.LayerNorm(width, 1e-6, elementwise_affine=False)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, shared):
        first, second = shared.chunk(2, 1)
        scale, shift, gate = (first + self.bias1)[:, None].chunk(3, 2)
        n, length, width = x.shape
        qkv = rounded(self.qkv, torch.addcmul(shift, self.norm(x), scale + 1)).reshape(n, length, 3, self.heads, width // self.heads)
        mixed = attend(*qkv.permute(2, 0, 3, 1, 4)).transpose(1, 2).reshape(n, length, width)
        x = torch.addcmul(x, gate, rounded(self.out, mixed).float())
        scale, shift, gate = (second + self.bias2)[:, None].chunk(3, 2)
        h = F.gelu(rounded(self.up, torch.addcmul(shift, self.norm(x), scale + 1)), approximate="tanh")
        return torch.addcmul(x, gate, rounded(self.down, h).float())


def grid_code(side, channels):
    """1 × side² × channels: columns, then rows, each as sines then cosines."""
    angles = torch.arange(side)[:, None] * torch.exp(torch.arange(channels // 4) * (-math.log(10000) / (channels // 4)))
    code = torch.cat([angles.sin(), angles.cos()], 1)
    across, down = code[None].expand(side, side, -1), code[:, None].expand(side, side, -1)
    return torch.cat([across, down], 2).reshape(1, side * side, channels)


class SiT(nn.Module):
    def __init__(self, channels, side, width, depth, heads):
        super().__init__()
        self.latent = (channels, side, side)
        self.input, self.last = nn.Linear(4 * channels, width), nn.Linear(width, 4 * channels)
        self.time1, self.time2 = nn.Linear(256, width), nn.Linear(width, width)
        self.shared, self.last_modulation = nn.Linear(width, 6 * width), nn.Linear(width, 2 * width)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, 1e-6, elementwise_affine=False)
        self.register_buffer("position", grid_code(side // 2, width), persistent=False)

    def forward(self, latent, t):
        angles = t[:, None] * 1000 * torch.exp(torch.arange(128, device=t.device) * (-math.log(10000) / 128))
        e = F.silu(self.time2(F.silu(self.time1(torch.cat([angles.cos(), angles.sin()], 1)))))
        n, c, rows, cols = latent.shape
        patches = latent.reshape(n, c, rows // 2, 2, cols // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(n, rows * cols // 4, 4 * c)
        x, shared = rounded(self.input, patches) + self.position, self.shared(e)
        for layer in self.layers:
            x = layer(x, shared)
        scale, shift = self.last_modulation(e)[:, None].chunk(2, 2)
        x = rounded(self.last, torch.addcmul(shift, self.norm(x), scale + 1))
        return x.reshape(n, rows // 2, cols // 2, c, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(n, c, rows, cols)

    @staticmethod
    def our_name(name):
        p = name.split(".")
        if p[0] == "layers":
            inner = {"bias1": "attention.modulation", "bias2": "perceptron.modulation", "qkv": "attention.qkv", "out": "attention.out",
                     "up": "perceptron.up", "down": "perceptron.down"}
            return ".".join([f"block{p[1]}", inner[p[2]]] + p[3:])
        first = {"input": "in", "shared": "modulation", "last_modulation": "out.modulation", "last": "out"}
        return ".".join([first.get(p[0], p[0])] + p[1:])


def make(preset):
    """As core/generate/preset.cpp."""
    shapes = {"base": (16, 32, 768, 12, 12), "large": (16, 32, 1024, 24, 16), "nano": (16, 8, 64, 2, 2)}
    return UNet() if preset == "tiny" else SiT(*shapes[preset])

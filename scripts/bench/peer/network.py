"""DDPM++ (arXiv 2011.13456) with one channel more out, as PFGM (arXiv 2209.11178) trains it: eager, NCHW."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def group_norm(channels):
    return nn.GroupNorm(min(channels // 4, 32), channels, eps=1e-6)


class ResidualBlock(nn.Module):
    """The BigGAN-type block, which may halve or double the size."""

    def __init__(self, width, inputs, outputs, dropout, resample=None):
        super().__init__()
        self.GroupNorm_0 = group_norm(inputs)
        self.Conv_0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.Dense_0 = nn.Linear(width * 4, outputs)
        self.GroupNorm_1 = group_norm(outputs)
        self.Dropout_0 = nn.Dropout(dropout)
        self.Conv_1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.Conv_2 = nn.Conv2d(inputs, outputs, 1) if inputs != outputs or resample else None
        self.resample = resample

    def _resampled(self, x):
        if self.resample == "up":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        if self.resample == "down":
            return F.avg_pool2d(x, 2)
        return x

    def forward(self, x, time):
        h = self.Conv_0(self._resampled(F.silu(self.GroupNorm_0(x))))
        h = h + self.Dense_0(F.silu(time))[:, :, None, None]
        h = self.Conv_1(self.Dropout_0(F.silu(self.GroupNorm_1(h))))
        x = self._resampled(x)
        if self.Conv_2 is not None:
            x = self.Conv_2(x)
        return (x + h) / math.sqrt(2)


class Nin(nn.Module):
    """A linear map of the channels at every position."""

    def __init__(self, channels):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(channels, channels))
        self.b = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return (x.permute(0, 2, 3, 1) @ self.W + self.b).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Single-headed attention over the positions."""

    def __init__(self, channels):
        super().__init__()
        self.GroupNorm_0 = group_norm(channels)
        self.NIN_0, self.NIN_1, self.NIN_2, self.NIN_3 = (Nin(channels) for _ in range(4))

    def forward(self, x):
        batch, channels, height, width = x.shape
        h = self.GroupNorm_0(x)
        query, key, value = self.NIN_0(h), self.NIN_1(h), self.NIN_2(h)
        weight = torch.einsum("bchw,bcij->bhwij", query, key) / math.sqrt(channels)
        weight = weight.reshape(batch, height, width, height * width).softmax(dim=-1)
        weight = weight.reshape(batch, height, width, height, width)
        h = self.NIN_3(torch.einsum("bhwij,bcij->bchw", weight, value))
        return (x + h) / math.sqrt(2)


class Ddpmpp(nn.Module):
    """The network; `all_modules` is numbered as in the published checkpoints."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.all_modules = nn.ModuleList()
        self._plan = []
        width = config["nf"]
        self._add("time", nn.Linear(width, width * 4))
        self._add("time", nn.Linear(width * 4, width * 4))
        self._add("in", nn.Conv2d(config["channels"], width, 3, padding=1))
        skips = self._add_down([width])
        self._add_middle(skips[-1])
        channels = self._add_up(skips)
        self._add("norm", group_norm(channels))
        self._add("out", nn.Conv2d(channels, config["channels"] + 1, 3, padding=1))

    def _add(self, role, module):
        self._plan.append(role)
        self.all_modules.append(module)

    def _block(self, inputs, outputs, resample=None):
        return ResidualBlock(self.config["nf"], inputs, outputs, self.config["dropout"], resample)

    def _attends(self, level):
        return self.config["imageSize"] >> level in self.config["attnResolutions"]

    def _add_down(self, skips):
        channels, levels = skips[-1], len(self.config["chMult"])
        for level, factor in enumerate(self.config["chMult"]):
            for _ in range(self.config["numResBlocks"]):
                self._add("down", self._block(channels, self.config["nf"] * factor))
                channels = self.config["nf"] * factor
                if self._attends(level):
                    self._add("down attention", Attention(channels))
                skips.append(channels)
            if level + 1 < levels:
                self._add("down", self._block(channels, channels, "down"))
                skips.append(channels)
        return skips

    def _add_middle(self, channels):
        self._add("block", self._block(channels, channels))
        self._add("attention", Attention(channels))
        self._add("block", self._block(channels, channels))

    def _add_up(self, skips):
        channels = skips[-1]
        for level, factor in reversed(list(enumerate(self.config["chMult"]))):
            for _ in range(self.config["numResBlocks"] + 1):
                self._add("up", self._block(channels + skips.pop(), self.config["nf"] * factor))
                channels = self.config["nf"] * factor
            if self._attends(level):
                self._add("attention", Attention(channels))
            if level > 0:
                self._add("block", self._block(channels, channels, "up"))
        return channels

    def _embed(self, z):
        half = self.config["nf"] // 2
        rates = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
        phase = z[:, None] * rates[None, :]
        return torch.cat([phase.sin(), phase.cos()], dim=1)

    def forward(self, x, z):
        """Return the field's x part, and its z part: the mean of the last channel."""
        modules = zip(self._plan, self.all_modules)
        _, time_0 = next(modules)
        _, time_1 = next(modules)
        _, conv_in = next(modules)
        time = time_1(F.silu(time_0(self._embed(z.clamp(min=1e-10)))))
        h = conv_in(x)
        skips = [h]
        for role, module in modules:
            if role == "down":
                h = module(h, time)
                skips.append(h)
            elif role == "down attention":
                h = module(h)
                skips[-1] = h
            elif role == "block":
                h = module(h, time)
            elif role == "up":
                h = module(torch.cat([h, skips.pop()], dim=1), time)
            elif role == "norm":
                h = F.silu(module(h))
            else:
                h = module(h)
        return h[:, :-1], h[:, -1].mean(dim=(1, 2))

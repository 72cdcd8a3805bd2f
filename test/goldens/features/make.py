"""Small TorchScript networks of features, for test/metrics/feature-network.test.ts: python make.py"""

from typing import Tuple

import torch
from torch import Tensor, nn


class Means(nn.Module):
    """The mean of each of three channels: of colour only."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.dtype == torch.uint8 and images.size(1) == 3
        return images.float().mean([2, 3])


class Both(nn.Module):
    """Means and, of them, two probabilities."""

    def forward(self, images: Tensor) -> Tuple[Tensor, Tensor]:
        means = images.float().mean([2, 3]) / 255
        bright = means.mean(1)
        return means, torch.stack([bright, 1 - bright], 1)


class Asked(nn.Module):
    """Features where they are asked for, as StyleGAN2-ADA's Inception network gives them."""

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        means = images.float().mean([2, 3])
        return means if return_features else torch.softmax(means, 1)


class Number(nn.Module):
    """No row a picture."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean()


for network in (Means(), Both(), Asked(), Number()):
    torch.jit.script(network).save(f"{type(network).__name__.lower()}.pt")

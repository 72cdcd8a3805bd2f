"""What the Inception network of pytorch-fid gives with weights by a formula, for test/metrics/inception.test.ts:
python inception.py writes inception.json. Computed in float64."""

import hashlib
import json
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def noise(name: str, count: int) -> np.ndarray:
    """A hash of the name (FNV-1a), mixed with each element's place (MurmurHash3's last step): uint32."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    h = (h ^ h >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    h = (h ^ h >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return h ^ h >> np.uint32(16)


def filled(name: str, shape: torch.Size) -> Tensor:
    """Middle and half-width by the tensor's kind; rounded to float32 once."""
    if len(shape) > 1:
        middle, width = 0.0, math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith("bn.weight") or name.endswith("running_var"):
        middle, width = 1.0, 0.25
    else:
        middle, width = 0.0, 0.25
    part = (noise(name, math.prod(shape)) >> np.uint32(8)).astype(np.float64) / 2**23 - 1
    return torch.from_numpy((middle + width * part).astype(np.float32).reshape(shape))


def pictures(name: str, *shape: int) -> Tensor:
    return torch.from_numpy((noise(name, math.prod(shape)) >> np.uint32(24)).astype(np.uint8).reshape(shape))


class Unit(nn.Module):
    def __init__(self, into: int, out: int, kernel: tuple[int, int], **options: object) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


def one(into: int, out: int) -> Unit:
    return Unit(into, out, (1, 1))


def same(into: int, out: int, height: int, width: int) -> Unit:
    return Unit(into, out, (height, width), padding=(height // 2, width // 2))


def down(into: int, out: int) -> Unit:
    return Unit(into, out, (3, 3), stride=2)


def average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class A(nn.Module):
    def __init__(self, into: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = one(into, 64)
        self.branch5x5_1 = one(into, 48)
        self.branch5x5_2 = same(48, 64, 5, 5)
        self.branch3x3dbl_1 = one(into, 64)
        self.branch3x3dbl_2 = same(64, 96, 3, 3)
        self.branch3x3dbl_3 = same(96, 96, 3, 3)
        self.branch_pool = one(into, pooled)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(average(x))], 1)


class B(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = down(288, 384)
        self.branch3x3dbl_1 = one(288, 64)
        self.branch3x3dbl_2 = same(64, 96, 3, 3)
        self.branch3x3dbl_3 = down(96, 96)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, F.max_pool2d(x, 3, stride=2)], 1)


class C(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.branch1x1 = one(768, 192)
        self.branch7x7_1 = one(768, inner)
        self.branch7x7_2 = same(inner, inner, 1, 7)
        self.branch7x7_3 = same(inner, 192, 7, 1)
        self.branch7x7dbl_1 = one(768, inner)
        self.branch7x7dbl_2 = same(inner, inner, 7, 1)
        self.branch7x7dbl_3 = same(inner, inner, 1, 7)
        self.branch7x7dbl_4 = same(inner, inner, 7, 1)
        self.branch7x7dbl_5 = same(inner, 192, 1, 7)
        self.branch_pool = one(768, 192)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average(x))], 1)


class D(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = one(768, 192)
        self.branch3x3_2 = down(192, 320)
        self.branch7x7x3_1 = one(768, 192)
        self.branch7x7x3_2 = same(192, 192, 1, 7)
        self.branch7x7x3_3 = same(192, 192, 7, 1)
        self.branch7x7x3_4 = down(192, 192)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, stride=2)], 1)


class E(nn.Module):
    def __init__(self, into: int, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum
        self.branch1x1 = one(into, 320)
        self.branch3x3_1 = one(into, 384)
        self.branch3x3_2a = same(384, 384, 1, 3)
        self.branch3x3_2b = same(384, 384, 3, 1)
        self.branch3x3dbl_1 = one(into, 448)
        self.branch3x3dbl_2 = same(448, 384, 3, 3)
        self.branch3x3dbl_3a = same(384, 384, 1, 3)
        self.branch3x3dbl_3b = same(384, 384, 3, 1)
        self.branch_pool = one(into, 192)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.maximum else average(x)
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(three),
                self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(pooled),
            ],
            1,
        )


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = down(3, 32)
        self.Conv2d_2a_3x3 = Unit(32, 32, (3, 3))
        self.Conv2d_2b_3x3 = same(32, 64, 3, 3)
        self.Conv2d_3b_1x1 = one(64, 80)
        self.Conv2d_4a_3x3 = Unit(80, 192, (3, 3))
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = A(192, 32), A(256, 64), A(288, 64)
        self.Mixed_6a = B()
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = C(128), C(160), C(160), C(192)
        self.Mixed_7a = D()
        self.Mixed_7b, self.Mixed_7c = E(1280, False), E(2048, True)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = images.expand(-1, 3, -1, -1).to(self.fc.weight.dtype) / 255
        x = 2 * F.interpolate(x, (299, 299), mode="bilinear", align_corners=False) - 1
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, stride=2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        features = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean([2, 3])
        return features, torch.softmax(features @ self.fc.weight.T, 1)


def weights(network: nn.Module) -> dict[str, Tensor]:
    shapes = {name: value.shape for name, value in network.state_dict().items() if value.dim() > 0}
    return {name: filled(name, shape) for name, shape in shapes.items()}


def rows(values: Tensor) -> list[dict[str, object]]:
    """Of each row its length and every 97th of its numbers."""
    return [{"norm": row.norm().item(), "spots": row[::97].tolist()} for row in values]


@torch.no_grad()
def main() -> None:
    network = Inception().eval()
    state = weights(network)
    network.load_state_dict(state, strict=False)
    network.double()
    tensors = sorted(f"{name} {','.join(map(str, value.shape))}" for name, value in state.items())
    golden: dict[str, object] = {
        "tensors": {"count": len(tensors), "sha256": hashlib.sha256("\n".join(tensors).encode()).hexdigest()}
    }
    for name, shape in {"grey": (1, 1, 28, 28), "colour": (2, 3, 20, 32)}.items():
        features, probabilities = network(pictures(name, *shape))
        golden[name] = {"shape": shape, "features": rows(features), "probabilities": rows(probabilities)}
    with open("inception.json", "w") as file:
        json.dump(golden, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()

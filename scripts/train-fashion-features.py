"""Trains the network of features for grey pictures of 28 x 28 and writes it as TorchScript.

    python scripts/train-fashion-features.py FOLDER [OUT]

FOLDER has Fashion-MNIST's files (train-images-idx3-ubyte.gz, ...), as Debian's dataset-fashion-mnist puts them in
/usr/share/datasets/fashion-mnist. OUT is models/fashion-features.pt unless given. Needs torch 2.13; about six
minutes on two cores.
"""

import gzip
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

EPOCHS = 6
BATCH = 128
SEED = 1


def read_idx(path: Path) -> Tensor:
    data = gzip.open(path).read()
    sizes = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Classifier(nn.Module):
    """Of bytes [n, 1, H, W] probabilities [n, 10], or features [n, 96] where those are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(1, 32),
            nn.MaxPool2d(2),
            convolution(32, 64),
            convolution(64, 64),
            nn.MaxPool2d(2),
            convolution(64, 96),
            convolution(96, 96),
        )
        self.head = nn.Linear(96, 10)

    def features(self, images: Tensor) -> Tensor:
        return self.body(images.float() / 255).mean([2, 3])

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        features = self.features(images)
        if return_features:
            return features
        return functional.softmax(self.head(features), 1)


def moved(images: Tensor) -> Tensor:
    """Shifted by up to two pixels, and mirrored as often as not."""
    padded = functional.pad(images, (2, 2, 2, 2))
    down, right = torch.randint(0, 5, (2,)).tolist()
    images = padded[:, :, down : down + 28, right : right + 28]
    mirrored = torch.rand(len(images)) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def accuracy(model: Classifier, images: Tensor, labels: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in images.split(1000)])
    return (found == labels).float().mean().item()


def main(folder: Path, out: Path) -> None:
    torch.manual_seed(SEED)
    read = lambda name: read_idx(folder / f"{name}.gz")
    images, labels = read("train-images-idx3-ubyte")[:, None], read("train-labels-idx1-ubyte").long()
    test = read("t10k-images-idx3-ubyte")[:, None], read("t10k-labels-idx1-ubyte").long()
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    began = time.time()
    for epoch in range(EPOCHS):
        model.train()
        for rows in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            logits = model.head(model.features(moved(images[rows])))
            loss = functional.cross_entropy(logits, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: test accuracy {accuracy(model, *test):.4f}, {time.time() - began:.0f} s", flush=True)
    scripted = torch.jit.script(model.eval())
    scripted.save(out)
    print(f"{out}: {sum(p.numel() for p in model.parameters())} parameters, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "models/fashion-features.pt"))

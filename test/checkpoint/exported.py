"""Load what the package exported into a plain PyTorch network: exported.py FOLDER, which has the files and points.

Prints, as JSON, how far each file's network is from what the package computes, in parts of its largest value.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "bench" / "peer"))

from arrays import read_array, read_weights  # noqa: E402
from network import Ddpmpp  # noqa: E402

folder = Path(sys.argv[1])
config = json.loads((folder / "config.json").read_text())
torch.set_num_threads(1)


def points(name, *shape):
    return read_array(str(folder / name), list(shape))


def error(network):
    """Compare outputs at the points."""
    network.eval()
    shape = [config["channels"], config["imageSize"], config["imageSize"]]
    count = (folder / "z").stat().st_size // 4
    with torch.no_grad():
        found = network(points("x", count, *shape), points("z", count))
    expected = points("v_x", count, *shape), points("v_z", count)
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(found, expected))


plain = Ddpmpp(config)
plain.load_state_dict(read_weights(str(folder / "model.safetensors")), strict=True)

checkpoint = torch.load(folder / "checkpoint.pth", weights_only=True)
with_code = torch.load(folder / "checkpoint.pth", weights_only=False)
published = Ddpmpp(config)
published.register_buffer("sigmas", torch.zeros(1000, dtype=torch.float64))
wrapped = torch.nn.DataParallel(published)
wrapped.load_state_dict(checkpoint["model"], strict=True)

optimizer = torch.optim.Adam(wrapped.parameters(), lr=1)
optimizer.load_state_dict(checkpoint["optimizer"])
averaged = torch.nn.DataParallel(Ddpmpp(config))
shadows = checkpoint["ema"]["shadow_params"]
with torch.no_grad():
    for parameter, shadow in zip(averaged.parameters(), shadows, strict=True):
        parameter.copy_(shadow)

before = error(published)
for parameter in wrapped.parameters():
    parameter.grad = torch.ones_like(parameter)
optimizer.step()
moved = next(wrapped.parameters()) - next(averaged.parameters())

trained = torch.load(folder / "trained.pth", weights_only=True)
going_on = torch.nn.DataParallel(Ddpmpp(json.loads((folder / "trained.json").read_text())))
going_on.load_state_dict(trained["model"], strict=False)
its_optimizer = torch.optim.Adam(going_on.parameters(), lr=1)
its_optimizer.load_state_dict(trained["optimizer"])
for parameter in going_on.parameters():
    parameter.grad = torch.ones_like(parameter)
its_optimizer.step()
steps = {state["step"].item() for state in its_optimizer.state_dict()["state"].values()}

print(
    json.dumps(
        {
            "plain": error(plain),
            "wrapped": before,
            "averaged": error(averaged.module),
            "steps": sorted(steps),
            "step": checkpoint["step"],
            "ema": {name: checkpoint["ema"][name] for name in ("decay", "num_updates")},
            "rate": -moved.mean().item(),
            "sigmas": [published.sigmas[0].item(), published.sigmas[-1].item()],
            "keys": sorted(with_code),
        }
    )
)

"""One training step of PFGM in PyTorch, eager or compiled."""

import time

import torch

from arrays import read_array, read_weights, write_weights
from field import published_target
from memory import extra_bytes
from network import Ddpmpp


class Average:
    """Moving average of the weights, one parameter after the other as the published code goes."""

    def __init__(self, parameters, rate):
        self.shadow = [parameter.clone().detach() for parameter in parameters]
        self.rate, self.updates = rate, 0

    @torch.no_grad()
    def update(self, parameters):
        self.updates += 1
        decay = min(self.rate, (1 + self.updates) / (10 + self.updates))
        for shadow, parameter in zip(self.shadow, parameters):
            shadow.sub_((1 - decay) * (shadow - parameter))


def perturb(images, flow):
    """Move every image off the data, by a norm and to a height that grow with the same random power."""
    count = len(images)
    z = (torch.randn(count) * flow["sigma"]).abs()
    m = torch.rand(count) * flow["M"]
    near = z < 0.005
    m[near] = torch.rand(int(near.sum())) * int(flow["M"] * 0.7)
    growth = (1 + flow["tau"]) ** m
    direction = torch.randn(count, images[0].numel())
    direction = direction / direction.norm(dim=1, keepdim=True)
    noise = torch.randn_like(images) * flow["sigma"]
    radius = noise.flatten(1).norm(dim=1) * growth
    return images + (direction * radius[:, None]).reshape(images.shape), z * growth


class TrainingPeer:
    """Holds a network, the data and the state of its training."""

    def build(self, config):
        torch.manual_seed(0)
        self.network = Ddpmpp(config)
        self.passes = {"eager": self.network}

    def compile(self):
        """Compile the network at torch.compile's default settings; the first step after it does the work."""
        self.passes["compile"] = torch.compile(self.network)

    def load_weights(self, path, without=()):
        weights = read_weights(path)
        self.network.load_state_dict({name: weights[name] for name in weights if name not in without})

    @torch.no_grad()
    def forward(self, x, z, shape, out):
        """Write the field at the points of two files to a third: x parts, then z parts."""
        self.network.eval()
        vx, vz = self.network(read_array(x, shape), read_array(z, shape[:1]))
        with open(out, "wb") as file:
            file.write(bytes(torch.cat([vx.flatten(), vz]).untyped_storage()))

    def load_data(self, path, shape, training, flow):
        self.data = read_array(path, shape, torch.uint8).float() / 127.5 - 1
        self.training, self.flow = training, flow
        parameters = list(self.network.parameters())
        rate = training["learningRate"]
        self.optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.999), eps=1e-8)
        self.average = Average(parameters, training["emaRate"])

    def write_average(self, out):
        """Write the averaged weights, and whatever else the network keeps, as it is."""
        weights = dict(self.network.state_dict())
        names = [name for name, _ in self.network.named_parameters()]
        weights.update(zip(names, self.average.shadow))
        write_weights(out, weights)

    def steps(self, count, name="eager"):
        """Take steps; the seconds of all, and what of them making the batches and their fields took."""
        spent = {"seconds": 0.0, "batch": 0.0, "field": 0.0}
        self.network.train()
        for _ in range(count):
            began = time.perf_counter()
            self._step(spent, self.passes[name])
            spent["seconds"] += time.perf_counter() - began
        return spent

    def memory(self):
        """Tell the peak growth of the first step."""
        return {"bytes": extra_bytes(lambda: self.steps(1))}

    def _step(self, spent, network):
        began = time.perf_counter()
        training, flow = self.training, self.flow
        chosen = torch.randint(len(self.data), (training["batchSize"],))
        sources = self.data.index_select(0, chosen)
        x, z = perturb(sources[: training["smallBatchSize"]], flow)
        field_began = time.perf_counter()
        target = published_target(sources.flatten(1), x.flatten(1), z, flow["gamma"])
        spent["field"] += time.perf_counter() - field_began
        spent["batch"] += time.perf_counter() - began

        self.optimizer.zero_grad()
        vx, vz = network(x, z)
        error = torch.cat([vx.flatten(1), vz[:, None]], dim=1) - target
        loss = 0.5 * error.square().sum(dim=1).mean()
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = training["learningRate"] * min(self.average.updates / training["warmup"], 1)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), training["clipNorm"])
        self.optimizer.step()
        self.average.update(self.network.parameters())
        loss.item()

"""The training target of a Poisson flow, by the published broadcast and, to judge it, in float64."""

import math
import time

import torch

from arrays import read_array
from memory import extra_bytes


def published_target(sources, x, z, gamma):
    """-sqrt(N) E / (|E| + gamma), with every query against every source in one array of all N + 1 coordinates."""
    dimensions = sources.shape[1]
    charges = torch.cat([sources, sources.new_zeros(len(sources), 1)], dim=1)
    queries = torch.cat([x, z[:, None]], dim=1)
    gap = queries[:, None, :] - charges[None, :, :]
    distance = torch.sum(gap**2, dim=2, keepdim=True).sqrt()
    distance = distance / (torch.min(distance, dim=1, keepdim=True).values + 1e-7)
    weight = 1 / (distance ** (dimensions + 1) + 1e-7)
    weight = weight / (torch.sum(weight, dim=1, keepdim=True) + 1e-7)
    field = -torch.sum(weight * gap, dim=1)
    norm = field.norm(dim=1, keepdim=True)
    return field / (norm + gamma) * math.sqrt(dimensions)


def exact_target(sources, x, z, gamma):
    """Compute the same for one query in float64, with weights from logarithms."""
    dimensions = sources.shape[1]
    height = max(z.double().item(), 1e-10)
    gap = x.double() - sources.double()
    logits = -(dimensions + 1) / 2 * torch.log(gap.square().sum(dim=1) + height**2)
    weight = torch.softmax(logits, dim=0)
    field = torch.cat([weight @ gap, torch.tensor([height], dtype=torch.float64)])
    return -math.sqrt(dimensions) * field / (field.norm() + gamma)


class FieldPeer:
    """Holds one case: sources and queries."""

    def load(self, sources, x, z, shape, gamma):
        count, queries, dimensions = shape
        self.sources = read_array(sources, [count, dimensions])
        self.x = read_array(x, [queries, dimensions])
        self.z = read_array(z, [queries])
        self.gamma = gamma

    def _published(self, queries):
        return published_target(self.sources, self.x[:queries], self.z[:queries], self.gamma)

    def target(self, queries):
        began = time.perf_counter()
        self._published(queries)
        return {"seconds": time.perf_counter() - began}

    def memory(self, queries):
        """Tell the peak growth of one call, its result taken off; a small call first starts the threads."""
        published_target(self.sources[:8], self.x[:1], self.z[:1], self.gamma)
        grown = extra_bytes(lambda: self._published(queries))
        result = 4 * queries * (self.sources.shape[1] + 1)
        return {"bytes": None if grown is None else grown - result}

    def errors(self, ours, queries):
        """Worst |error| / |exact| a query: of the targets in the file `ours` and of the published arithmetic's."""
        columns = self.sources.shape[1] + 1
        given = read_array(ours, [len(self.x), columns])
        published = self._published(queries)
        worst = {"ours": 0.0, "theirs": 0.0}
        for i in range(queries):
            exact = exact_target(self.sources, self.x[i], self.z[i], self.gamma)
            for name, target in (("ours", given[i]), ("theirs", published[i])):
                error = ((target.double() - exact).norm() / exact.norm()).item()
                worst[name] = max(worst[name], error)
        return worst

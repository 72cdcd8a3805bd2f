"""Answers one JSON request a line on stdin with one JSON line on stdout.

The comparison side of the benchmarks: plain eager PyTorch on the CPU, in float32 and NCHW. Its start-up and its
reading of inputs are never timed.
"""

import json
import sys
import traceback

import torch

from engines import EnginesPeer
from field import FieldPeer
from sampling import SamplingPeer
from training import TrainingPeer


def versions(threads):
    """Set the number of threads, and tell what runs here."""
    torch.set_num_threads(threads)
    return {"torch": torch.__version__, "threads": torch.get_num_threads()}


def handlers():
    """Return the functions that requests may name."""
    field, training = FieldPeer(), TrainingPeer()
    engines, sampling = EnginesPeer(training), SamplingPeer(training)
    return {
        "versions": versions,
        "field.load": field.load,
        "field.target": field.target,
        "field.memory": field.memory,
        "field.errors": field.errors,
        "training.network": training.build,
        "training.weights": training.load_weights,
        "training.forward": training.forward,
        "engines.describe": engines.describe,
        "engines.prepare": engines.prepare,
        "engines.passes": engines.passes,
        "engines.memory": engines.memory,
        "engines.drop": engines.drop,
        "engines.rate": engines.product_rate,
        "sampling.rk45": sampling.rk45,
        "training.data": training.load_data,
        "training.compile": training.compile,
        "training.steps": training.steps,
        "training.memory": training.memory,
        "training.average": training.write_average,
    }


def main():
    known = handlers()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = known[request.pop("op")](**request) or {}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

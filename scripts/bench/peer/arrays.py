"""Raw arrays and weights, as the other side of the benchmarks writes them."""

import json
import math

import torch


def read_array(path, shape, dtype=torch.float32):
    """Read a file of raw values."""
    count = math.prod(shape)
    return torch.from_file(path, size=count, dtype=dtype).clone().reshape(shape)


def write_weights(path, weights):
    """Write float32 tensors by their names as a safetensors file."""
    header, begin = {}, 0
    for name, weight in weights.items():
        end = begin + 4 * weight.numel()
        header[name] = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for weight in weights.values():
            file.write(weight.detach().contiguous().numpy().tobytes())


def read_weights(path):
    """Read the float32 tensors of a safetensors file: a JSON header after its length, then the values."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        values = bytearray(file.read())
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(values, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        weights[name] = flat.reshape(entry["shape"]).clone()
    return weights

"""Passes of one network by the engines that a user could run it with instead."""

import contextlib
import importlib
import os
import sys
import tempfile
import time

import numpy
import torch

from arrays import read_array
from memory import extra_bytes


class Engine:
    """A network at a fixed batch; `run` gives vx and vz as tensors."""

    def __init__(self, network, x, z):
        self.network, self.x, self.z = network, x, z

    def run(self):
        return self.network(self.x, self.z)


class Compiled(Engine):
    """torch.compile, at its default settings."""

    def __init__(self, network, x, z):
        super().__init__(torch.compile(network), x, z)


class OnnxRuntime(Engine):
    def __init__(self, network, x, z):
        import io

        import onnxruntime

        file = io.BytesIO()
        torch.onnx.export(network, (x, z), file, input_names=["x", "z"], dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
        self.inputs = {"x": x.numpy(), "z": z.numpy()}

    def run(self):
        return [torch.from_numpy(each) for each in self.session.run(None, self.inputs)]


class OpenVino(Engine):
    PRECISION = "f32"

    def __init__(self, network, x, z):
        import openvino

        model = openvino.convert_model(network, example_input=(x, z), input=[x.shape, z.shape])
        settings = {
            "INFERENCE_PRECISION_HINT": self.PRECISION,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        self.inputs = [x.numpy(), z.numpy()]

    def run(self):
        results = self.request.infer(self.inputs)
        return [torch.from_numpy(results[i].copy()) for i in range(2)]


class OpenVinoBfloat16(OpenVino):
    PRECISION = "bf16"


class Ncnn(Engine):
    """Takes an image at a time: its arrays have no batch."""

    def __init__(self, network, x, z):
        import ncnn
        import pnnx

        with tempfile.TemporaryDirectory() as folder, stdout_to_stderr():
            pnnx.export(network, f"{folder}/network.pt", (x[:1], z[:1]), fp16=False)
            self.net = ncnn.Net()
            self.net.opt.num_threads = torch.get_num_threads()
            self.net.opt.use_vulkan_compute = False
            for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
                setattr(self.net.opt, option, False)
            self.net.load_param(f"{folder}/network.ncnn.param")
            self.net.load_model(f"{folder}/network.ncnn.bin")
        self.inputs = [[ncnn.Mat(each.numpy()).clone() for each in pair] for pair in zip(x, z[:, None])]

    def run(self):
        rows = [self._image(*pair) for pair in self.inputs]
        return [torch.from_numpy(numpy.stack(each)) for each in zip(*rows)]

    def _image(self, x, z):
        extractor = self.net.create_extractor()
        extractor.input("in0", x)
        extractor.input("in1", z)
        return [numpy.array(extractor.extract(name)[1]) for name in ("out0", "out1")]


class EagerBfloat16(Engine):
    def run(self):
        with torch.autocast("cpu", torch.bfloat16):
            return self.network(self.x, self.z)


@contextlib.contextmanager
def stdout_to_stderr():
    """What a converter prints must not come between the answers."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


ENGINES = {
    "eager": Engine,
    "compile": Compiled,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "ncnn": Ncnn,
    "eager bf16": EagerBfloat16,
    "openvino bf16": OpenVinoBfloat16,
}

# How far an engine may be from eager in float32, in parts of the output's norm.
TOLERANCES = {"eager bf16": 0.05, "openvino bf16": 0.05}


class EnginesPeer:
    """Holds engines of the training peer's network."""

    def __init__(self, training):
        self.training, self.engines = training, {}

    @torch.no_grad()
    def prepare(self, name, x, z, shape):
        """Make an engine; what it gives must be what eager gives."""
        network = self.training.network.eval()
        x, z = read_array(x, shape), read_array(z, shape[:1])
        self.engines[name] = engine = ENGINES[name](network, x, z)
        expected, found = (torch.cat([each.flatten().float() for each in one]) for one in (network(x, z), engine.run()))
        difference = float((found - expected).norm() / expected.norm())
        if not difference < TOLERANCES.get(name, 1e-4):
            raise ValueError(f"{name} differs from eager by {difference}")
        return {"difference": difference}

    @torch.no_grad()
    def passes(self, name, count):
        engine = self.engines[name]
        began = time.perf_counter()
        for _ in range(count):
            engine.run()
        return {"seconds": time.perf_counter() - began}

    @torch.no_grad()
    def memory(self, name, batch):
        """Tell the peak growth of making an engine and of its first pass; its package is loaded before."""
        network = self.training.network.eval()
        size = network.config["imageSize"]
        x = torch.randn(batch, network.config["channels"], size, size)
        z = torch.rand(batch) + 1
        if name != "eager":
            importlib.import_module(name)
        return {"bytes": extra_bytes(lambda: ENGINES[name](network, x, z).run())}

    def describe(self):
        """Versions of the engines' packages, and whether the processor multiplies bfloat16."""
        versions = {name: importlib.import_module(name).__version__ for name in ("onnxruntime", "openvino", "ncnn")}
        return {**versions, "bfloat16": bool(torch.cpu._is_avx512_bf16_supported())}

    def drop(self):
        self.engines = {}

    @torch.no_grad()
    def product_rate(self, size=1536):
        """Multiplications and additions a second of a float32 matrix product: the roofline."""
        a, b = torch.randn(size, size), torch.randn(size, size)
        times = []
        for _ in range(9):
            began = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - began)
        return {"rate": 2 * size**3 / sorted(times)[4]}

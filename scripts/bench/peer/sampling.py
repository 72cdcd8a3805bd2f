"""The published sampler in eager PyTorch: scipy's RK45 over ln z, with one error norm for the whole batch."""

import math
import time

import numpy
import torch

from arrays import read_array


class SamplingPeer:
    """Draws samples with the training peer's network."""

    def __init__(self, training):
        self.training = training

    @torch.no_grad()
    def rk45(self, starts, shape, flow, tolerance, out):
        """Follow float64 starts of a file down to z_min, and write where they end as float32."""
        from scipy.integrate import solve_ivp

        network = self.training.network.eval()
        starts = read_array(starts, shape, torch.float64).numpy()
        # The height is one more channel of the state, and counts in the norm.
        heights = numpy.full((shape[0], 1, *shape[2:]), flow["zMax"])
        calls = 0

        def drift(t, state):
            nonlocal calls
            calls += 1
            z = math.exp(t)
            points = state.reshape(shape[0], shape[1] + 1, *shape[2:])
            x = torch.from_numpy(points[:, :-1]).float()
            vx, vz = network(x, torch.full((shape[0],), z))
            if z < flow["zExp"]:
                vz = self._vertical(vx, z, flow["gamma"])
            along = vx * (z / (vz + 1e-5))[:, None, None, None]
            upwards = numpy.full_like(heights, z)
            return numpy.concatenate([along.double().numpy(), upwards], axis=1).ravel()

        began = time.perf_counter()
        span = (math.log(flow["zMax"]), math.log(flow["zMin"]))
        state = numpy.concatenate([starts, heights], axis=1).ravel()
        end = solve_ivp(drift, span, state, method="RK45", rtol=tolerance, atol=tolerance, t_eval=[span[1]])
        seconds = time.perf_counter() - began
        images = end.y[:, -1].reshape(shape[0], shape[1] + 1, *shape[2:])[:, :-1]
        with open(out, "wb") as file:
            file.write(images.astype(numpy.float32).tobytes())
        return {"seconds": seconds, "evaluations": calls}

    @staticmethod
    def _vertical(vx, z, gamma):
        """v_z near the data, of the length of v_x."""
        root_n = math.sqrt(vx[0].numel())
        n = vx.flatten(1).norm(dim=1) / root_n
        radius = ((gamma * n / (1 - n)) ** 2 + z**2).sqrt()
        return -root_n * z / (radius + gamma)

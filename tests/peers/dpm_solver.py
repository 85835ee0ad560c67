"""The image that diffusers' DPMSolverMultistepScheduler makes of given noise: reference numbers of tests/generate/test_samplers.cpp.

    pip install diffusers torch numpy && python dpm_solver.py

The velocity is exact: one-dimensional data of two Gaussians, so that nothing is compared but the solver. The scheduler's own
time grid ends short of both ends; here it gets ours (equal steps, from noise alone to the image)."""
import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler

WEIGHT, MEAN, SD = np.array([0.3, 0.7]), np.array([-2.0, 1.0]), np.array([0.5, 0.8])


def velocity(x, t):
    """E[image − noise | (1 − t) noise + t image = x]"""
    variance = t**2 * SD**2 + (1 - t) ** 2
    log_w = np.log(WEIGHT) - 0.5 * np.log(variance) - 0.5 * (x[:, None] - t * MEAN) ** 2 / variance
    w = np.exp(log_w - log_w.max(1, keepdims=True))
    w /= w.sum(1, keepdims=True)
    image = MEAN + t * SD**2 / variance * (x[:, None] - t * MEAN)
    return ((w * image).sum(1) - x) / (1 - t)


def run(noise, steps):
    solver = DPMSolverMultistepScheduler(algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", prediction_type="flow_prediction",
                                         use_flow_sigmas=True, final_sigmas_type="zero", lower_order_final=True, euler_at_final=True)
    solver.set_timesteps(steps)
    times = np.arange(steps + 1) / steps
    solver.sigmas = torch.tensor(1 - times, dtype=torch.float64)
    x = torch.tensor(noise, dtype=torch.float64)
    for i, step in enumerate(solver.timesteps):
        v = torch.tensor(velocity(x.numpy(), times[i]))
        x = solver.step(-v, step, x).prev_sample.double()  # the scheduler's velocity points from image to noise
    return x.numpy()


if __name__ == "__main__":
    noise = np.array([-2.0, -1.0, -0.25, 0.5, 1.5])
    for steps in (6, 20):
        print(steps, ", ".join(f"{v:.9f}" for v in run(noise, steps)))

"""The iterative Gaussian VAE, plain and with relu, after the paper of the iterative Poisson VAE.

Written from Vafaii, Galor & Yates 2025 (arXiv 2410.19315) and the settings of its published runs;
no code is taken over. The posterior of every latent is Gaussian, with mean m and log standard
deviation s. One step of inference draws z = m + exp(s) e, rectifies it for the relu form, and goes
along the natural gradient of the log likelihood, whose prior is the posterior before the step:

    g = Phi^T (x - Phi z) / sigma^2,  where z > 0 in the relu form
    m += step_m (exp(2 s) g - bias),  s += step_s exp(s) e g / 2

both with the published soft clamps. Training adds up, over the steps, the negative log likelihood
of a second draw and beta times the KL divergence from the posterior before, and goes back through
all of them. As for the Poisson model, columns start at a length that suits trainings of minutes.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from benchmarks.baselines.distributions import gaussian_draw, gaussian_kl
from benchmarks.baselines.interface import TradeOff
from benchmarks.baselines.poisson_vae import CLAMP_LOG_SIGMA, soft_clamp
from benchmarks.baselines.torch_rival import RISE, LinearIterative

# Of mean and log standard deviation: the largest changes and values, and those at the start of a
# training, from which they rise.
CLAMP_CHANGE, CLAMP, CLAMP_AT_START = (7.0, 3.0), (7.0, 2.0), 1.0
COLUMN_LENGTH = 0.12


class GaussianLayer(nn.Module):
    """Dictionary, bias, step sizes, noise and first posterior, all learned."""

    def __init__(self, n_pixels, n_latents):
        super().__init__()
        columns = functional.normalize(torch.randn(n_pixels, n_latents), dim=0)
        self.dictionary = nn.Parameter(COLUMN_LENGTH * columns)
        self.log_bias = nn.Parameter(torch.full((n_latents,), -3.0))
        self.log_step = nn.Parameter(torch.zeros(2))
        self.log_sigma = nn.Parameter(torch.zeros(n_pixels))
        self.start = nn.Parameter(torch.zeros(2, n_latents))


class IterativeGaussianVAE(LinearIterative):
    """The iterative Gaussian VAE.

    Settings
    --------
    beta : float
        Weight of the KL divergence in training; others are those of `LinearIterative`.
    """

    NAME, FAMILY = "iterative Gaussian VAE", "iterative"
    REFERENCE = "Vafaii, Galor & Yates 2025, arXiv 2410.19315"
    RELU = False
    TRADE_OFF = TradeOff("beta", (2.0, 4.0, 8.0, 16.0, 32.0), retrain=True)
    DEFAULTS = LinearIterative.DEFAULTS | {"beta": 4.0}

    def build(self):
        """Return the network."""
        self.rise = 1.0
        return GaussianLayer(self.n_pixels, self.n_latents)

    def start(self, stimuli):
        """Return mean and log standard deviation at the start, of every stimulus alike."""
        return tuple(first.expand(len(stimuli), -1) for first in self.network.start)

    def activation(self, drawn):
        """Return the code of a draw."""
        return torch.relu(drawn) if self.RELU else drawn

    def code(self, state, sample):
        """Return codes, drawn or of the mean."""
        return self.activation(gaussian_draw(*state)[0] if sample else state[0])

    def log_sigma(self):
        """Return the log standard deviation of every pixel's noise."""
        return soft_clamp(self.network.log_sigma, CLAMP_LOG_SIGMA)

    def step(self, stimuli, state):
        """Return the state after one step of natural gradient."""
        network, (mean, log_scale) = self.network, state
        drawn, noise = gaussian_draw(mean, log_scale)
        error = stimuli - self.reconstruct(self.activation(drawn))
        ascent = (error * torch.exp(-2 * self.log_sigma())) @ network.dictionary
        if self.RELU:
            ascent = ascent * (drawn > 0)
        scale = torch.exp(log_scale)
        changes = (scale**2 * ascent - torch.exp(network.log_bias), 0.5 * scale * noise * ascent)
        return tuple(
            soft_clamp(value + soft_clamp(step * change, self._clamp(largest)), self._clamp(bound))
            for value, step, change, largest, bound in zip(
                state, network.log_step.exp(), changes, CLAMP_CHANGE, CLAMP, strict=True
            )
        )

    def _clamp(self, bound):
        return CLAMP_AT_START + self.rise * (bound - CLAMP_AT_START)

    def losses(self, stimuli, state, before):
        """Return negative log likelihood and KL divergence of every stimulus, (B,) each."""
        log_sigma = self.log_sigma()
        error = stimuli - self.reconstruct(self.code(state, True))
        constant = log_sigma.sum() + 0.5 * math.log(2 * math.pi) * self.n_pixels
        reconstruction = 0.5 * ((error * torch.exp(-log_sigma)) ** 2).sum(dim=1) + constant
        return reconstruction, gaussian_kl(*state, *before).sum(dim=1)

    def loss(self, stimuli, share):
        """Return the loss of one batch, the mean over stimuli and steps."""
        self.rise = min(share / RISE, 1)
        state, loss = self.start(stimuli), 0.0
        n_steps = self.settings["training_steps"]
        for _ in range(n_steps):
            before, state = state, self.step(stimuli, state)
            reconstruction, divergence = self.losses(stimuli, state, before)
            loss = loss + (reconstruction + self.settings["beta"] * self.rise * divergence).mean()
        self.rise = 1.0
        return loss / n_steps


class IterativeReluVAE(IterativeGaussianVAE):
    """The same with rectified draws as code: at least zero, often exactly."""

    NAME = "iterative Gaussian VAE, relu"
    SPARSE = RELU = True

"""Predictive coding (Rao & Ballard 1999) with Gaussian priors, and its incremental form.

Responses r go down the energy |x - U r|^2 / 2 + prior |r|^2 / 2, carried by prediction errors
x - U r alone. Predictive coding then changes the weights U once, along the errors that are left;
the incremental form (Salvatori et al. 2022) changes them at every step of inference. Weights decay
as in Rao & Ballard, and follow AdamW as in the incremental paper.
"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.baselines.interface import TradeOff
from benchmarks.baselines.torch_rival import LinearIterative

# Steps of power iteration, from the strongest pattern of responses of the weights before.
POWER_STEPS = 3


class Weights(nn.Module):
    """Weights from responses to predictions, (n_pixels, n_latents)."""

    def __init__(self, n_pixels, n_latents):
        super().__init__()
        columns = functional.normalize(torch.randn(n_pixels, n_latents), dim=0)
        self.dictionary = nn.Parameter(columns)


class PredictiveCoding(LinearIterative):
    """Predictive coding with one layer of causes.

    Settings
    --------
    prior : float
        Weight of the squared responses.
    rate : float
        Of inference, as a share of the largest rate at which every step lowers the energy.
    decay : float
        Of weights; others are those of `LinearIterative`.
    """

    NAME, FAMILY = "predictive coding", "predictive coding"
    REFERENCE = "Rao & Ballard 1999, Nat. Neurosci. 2:79"
    STOCHASTIC = INCREMENTAL = False
    TRADE_OFF = TradeOff("prior", (0.01, 0.03, 0.1, 0.3, 1.0), retrain=True)
    DEFAULTS = LinearIterative.DEFAULTS | {
        "learning_rate": 0.005,
        "prior": 0.1,
        "training_steps": 20,
        "rate": 0.5,
        "decay": 0.01,
    }

    def build(self):
        """Return the weights."""
        return Weights(self.n_pixels, self.n_latents)

    def optimisers(self):
        """Return the optimiser of a new training."""
        self.strongest = torch.ones(self.n_latents)
        s = self.settings
        weights = [self.network.dictionary]
        return torch.optim.AdamW(weights, s["learning_rate"], weight_decay=s["decay"])

    def start(self, stimuli):
        """Return responses of zero, and set the rate at which they will change."""
        self._set_rate_of_inference(torch.linalg.matrix_norm(self.network.dictionary, 2))
        return (torch.zeros(len(stimuli), self.n_latents),)

    def _set_rate_of_inference(self, strength):
        # The energy's largest curvature is that of the responses which the weights amplify most.
        curvature = strength**2 + self.settings["prior"]
        self.rate = 2 * self.settings["rate"] / curvature

    def step(self, stimuli, state):
        """Return responses after one step down the energy."""
        (responses,) = state
        error = stimuli - self.reconstruct(responses)
        drive = error @ self.network.dictionary - self.settings["prior"] * responses
        return (responses + self.rate * drive,)

    def code(self, state, sample):
        """Return the responses."""
        return state[0]

    def energy(self, stimuli, responses):
        """Return the energy of every stimulus, (B,)."""
        error = stimuli - self.reconstruct(responses)
        prior = self.settings["prior"] * responses.square().sum(dim=1)
        return 0.5 * (error.square().sum(dim=1) + prior)

    @torch.no_grad()
    def learn(self, batch, share):
        """Change the weights after inference, or at every step of it; see `Rival.learn`."""
        self.set_rate(share)
        stimuli = torch.from_numpy(batch)
        self._follow_weights()
        state = (torch.zeros(len(stimuli), self.n_latents),)
        n_steps = self.settings["training_steps"]
        for i in range(n_steps):
            state = self.step(stimuli, state)
            if self.INCREMENTAL or i == n_steps - 1:
                loss = float(self.energy(stimuli, *state).mean())
                self._change_weights(stimuli, *state)
        return loss

    def _change_weights(self, stimuli, responses):
        error = stimuli - self.reconstruct(responses)
        self.network.dictionary.grad = -(error.T @ responses) / len(stimuli)
        self.optimiser.step()
        self._follow_weights()

    def _follow_weights(self):
        weights = self.network.dictionary
        for _ in range(POWER_STEPS):
            self.strongest = functional.normalize(weights.T @ (weights @ self.strongest), dim=0)
        self._set_rate_of_inference(torch.linalg.vector_norm(weights @ self.strongest))


class IncrementalPredictiveCoding(PredictiveCoding):
    """The same with a change of weights at every step."""

    NAME = "incremental predictive coding"
    REFERENCE = "Salvatori et al. 2022, arXiv 2212.00720"
    INCREMENTAL = True
    # As many changes for each batch as there are steps, so smaller ones.
    DEFAULTS = PredictiveCoding.DEFAULTS | {"learning_rate": 0.0005}

"""Iterative amortized inference (Marino, Yue & Mandt 2018): a network that learns how to refine.

An encoder begins; then a refinement network gets the posterior's parameters and the gradients of
the loss with respect to them, each normalised over latents, and answers with new parameters and
with gates that mix them with the old ones. Gradients come in as data: nothing goes back through
them, nor from one step to the step before. The loss of training is the mean over all steps.
"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.baselines.amortized import ConvolutionalGaussianVAE, bounded

HIDDEN = 256


class HybridVAE(ConvolutionalGaussianVAE):
    """The hybrid iterative-amortized VAE.

    Settings
    --------
    training_steps, n_steps : int
        Refinements in training and after it.
    """

    NAME, FAMILY = "hybrid iterative-amortized VAE", "hybrid"
    REFERENCE = "Marino, Yue & Mandt 2018, arXiv 1807.09356"
    ITERATIVE = True
    DEFAULTS = ConvolutionalGaussianVAE.DEFAULTS | {
        "batch_size": 100,
        "training_steps": 5,
        "n_steps": 20,
    }

    def build(self):
        """Return encoder, decoder, prior and refinement."""
        network = super().build()
        refinement = nn.Sequential(
            nn.Linear(4 * self.n_latents, HIDDEN), nn.ELU(), nn.Linear(HIDDEN, 4 * self.n_latents)
        )
        with torch.no_grad():
            refinement[-1].weight.mul_(0.1)
            # Gates begin almost open: answers of a network that has learned nothing are near zero.
            refinement[-1].bias[2 * self.n_latents :] = 4.0
        network.refinement = refinement
        return network

    def step(self, stimuli, state):
        """Return the posterior after one refinement."""
        state = tuple(values.detach() for values in state)
        slopes = self.slopes(stimuli, state)
        normalised = [functional.layer_norm(values, (self.n_latents,)) for values in slopes]
        answer = self.network.refinement(torch.cat((*state, *normalised), dim=1))
        *new, gates = *answer.chunk(4, dim=1)[:2], answer[:, 2 * self.n_latents :].sigmoid()
        mean, log_scale = (
            gate * old + (1 - gate) * value
            for gate, old, value in zip(gates.chunk(2, dim=1), state, new, strict=True)
        )
        return mean, bounded(log_scale)

    def slopes(self, stimuli, state):
        """Return the gradients of the loss with respect to the posterior's parameters."""
        with torch.enable_grad():
            state = tuple(values.requires_grad_() for values in state)
            return torch.autograd.grad(self.objective(stimuli, state).sum(), state)

    def loss(self, stimuli, share):
        """Return the mean loss of the encoder's posterior and of all that follow from it."""
        state = self.start(stimuli)
        loss = self.objective(stimuli, state, share).mean()
        n_steps = self.settings["training_steps"]
        for _ in range(n_steps):
            state = self.step(stimuli, state)
            loss = loss + self.objective(stimuli, state, share).mean()
        return loss / (n_steps + 1)

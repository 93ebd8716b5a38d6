"""The semi-amortized VAE (Kim et al. 2018): an encoder begins, gradient steps go on from there.

The steps are those of stochastic variational inference with momentum, their sizes learned. The loss
is that of the last posterior, and it goes back through all steps and so through the gradients in
them, so that the encoder learns to begin where steps lead somewhere.
"""

import torch
from torch import nn

from benchmarks.baselines.amortized import ConvolutionalGaussianVAE

MOMENTUM = 0.5
# Of mean and log standard deviation.
FIRST_STEP = 0.01


class SemiAmortizedVAE(ConvolutionalGaussianVAE):
    """The semi-amortized VAE.

    Settings
    --------
    training_steps, n_steps : int
        Gradient steps in training and after it.
    """

    NAME, FAMILY = "semi-amortized VAE", "hybrid"
    REFERENCE = "Kim et al. 2018, arXiv 1802.02550"
    ITERATIVE = True
    DEFAULTS = ConvolutionalGaussianVAE.DEFAULTS | {"training_steps": 10, "n_steps": 20}

    def build(self):
        """Return encoder, decoder, prior and step sizes."""
        network = super().build()
        network.log_step = nn.Parameter(torch.full((2,), FIRST_STEP).log())
        return network

    def start(self, stimuli):
        """Return the encoder's posterior, and a momentum of zero."""
        mean, log_scale = super().start(stimuli)
        return mean, log_scale, torch.zeros_like(mean), torch.zeros_like(mean)

    def objective(self, stimuli, state, share=1.0):
        """Return the loss of every stimulus, (B,)."""
        return super().objective(stimuli, state[:2], share)

    def code(self, state, sample):
        """Return codes, drawn or of the mean."""
        return super().code(state[:2], sample)

    def step(self, stimuli, state, share=1.0):
        """Return the posterior after one gradient step, and the momentum."""
        learning = torch.is_grad_enabled()
        with torch.enable_grad():
            posterior = state[:2]
            if not learning:
                posterior = tuple(values.detach().requires_grad_() for values in posterior)
            loss = self.objective(stimuli, posterior, share).sum()
            slopes = torch.autograd.grad(loss, posterior, create_graph=learning)
        momentum = tuple(
            MOMENTUM * before - step * slope
            for before, step, slope in zip(
                state[2:], self.network.log_step.exp(), slopes, strict=True
            )
        )
        moved = (value + change for value, change in zip(state[:2], momentum, strict=True))
        return *moved, *momentum

    def loss(self, stimuli, share):
        """Return the loss after the last step."""
        state = self.start(stimuli)
        for _ in range(self.settings["training_steps"]):
            state = self.step(stimuli, state, share)
        return self.objective(stimuli, state, share).mean()

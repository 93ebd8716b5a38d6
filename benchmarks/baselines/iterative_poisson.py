"""The published iterative Poisson VAE as a rival: `PoissonVAE`, trained by back-propagation."""

import torch

from benchmarks.baselines.interface import TradeOff
from benchmarks.baselines.poisson_vae import LEARNING_RATE, PoissonVAE, Trainer
from benchmarks.baselines.torch_rival import LinearIterative

# With larger steps, short trainings end in models that diverge.
OWN = {"beta": 4.0, "learning_rate": LEARNING_RATE}


class IterativePoissonVAE(LinearIterative):
    """The iterative Poisson VAE.

    Settings
    --------
    beta : float
        Weight of the KL divergence in training; others are those of `LinearIterative`.
    """

    NAME, FAMILY = "iterative Poisson VAE (back-propagation)", "iterative"
    REFERENCE = "Vafaii, Galor & Yates 2025, arXiv 2410.19315"
    SPARSE = True
    TRADE_OFF = TradeOff("beta", (2.0, 4.0, 8.0, 16.0, 32.0), retrain=True)
    DEFAULTS = {
        name: value
        for name, value in (LinearIterative.DEFAULTS | OWN).items()
        if name != "largest_gradient"  # that of `Trainer` is fixed
    }

    def build(self):
        """Return the network."""
        return PoissonVAE(self.n_pixels, self.n_latents, self.seed)

    def optimisers(self):
        """Return the optimiser of a new training."""
        s = self.settings
        given = (s["training_steps"], s["beta"], s["learning_rate"])
        self.trainer = Trainer(self.network, *given)
        return self.trainer.optimiser

    def learn(self, batch, share):
        """Go back through the steps of one batch; see `Rival.learn`."""
        return self.trainer.iteration(torch.from_numpy(batch), share)

    def start(self, stimuli):
        """Return the log rates at the start, of every stimulus alike."""
        return (self.network.start.expand(len(stimuli), -1),)

    def step(self, stimuli, state):
        """Return the log rates after one step."""
        return (self.network.update(state[0], stimuli, torch.poisson(torch.exp(state[0]))),)

    def code(self, state, sample):
        """Return counts, or rates."""
        rates = torch.exp(state[0])
        return torch.poisson(rates) if sample else rates

"""What the rivals in PyTorch share: seeds, gradient descent, inference step by step."""

import math
from contextlib import contextmanager

import torch
from torch import nn

from benchmarks.baselines.interface import Rival

# Shares of a training in which the learning rate and the weight of the prior rise.
WARM, RISE = 0.01, 0.1


@contextmanager
def seeded(seed):
    """Draw from a seed of its own, and leave PyTorch's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


class TorchRival(Rival):
    """A rival with a network whose loss goes down a gradient, by Adamax and a cosine schedule.

    A state is a tuple of tensors (B, n_latents), the parameters of the posterior of every stimulus.

    Settings
    --------
    learning_rate : float
        The largest.
    largest_gradient : float
        Its norm is clipped there.
    """

    STOCHASTIC = True
    DEFAULTS = Rival.DEFAULTS | {"learning_rate": 0.005, "largest_gradient": 300.0}

    def __init__(self, n_pixels, n_latents, *, seed=0, **settings):
        super().__init__(n_pixels, n_latents, seed=seed, **settings)
        with seeded(self.seed):
            self.network = self.build()

    def build(self):
        """Return the network with its first weights."""
        raise NotImplementedError

    def start(self, stimuli):
        """Return the state of inference before its first step."""
        raise NotImplementedError

    def step(self, stimuli, state):
        """Return the state after one more step."""
        raise NotImplementedError

    def code(self, state, sample):
        """Return codes of a state: drawn, or those of its mean."""
        raise NotImplementedError

    def reconstruct(self, code):
        """Return the reconstructions of codes."""
        raise NotImplementedError

    def loss(self, stimuli, share):
        """Return the loss of one batch."""
        raise NotImplementedError

    def optimisers(self):
        """Return the optimiser of a new training."""
        return torch.optim.Adamax(self.network.parameters(), self.settings["learning_rate"])

    def fit(self, stimuli, **options):
        """Learn from stimuli; see `Rival.fit`."""
        self.optimiser = self.optimisers()
        with seeded(self.seed):
            return super().fit(stimuli, **options)

    def set_rate(self, share):
        """Set the learning rate that belongs to a share of the training."""
        cosine = 0.5 * (1 + math.cos(math.pi * share))
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings["learning_rate"] * max(min(share / WARM, 1) * cosine, 1e-3)

    def learn(self, batch, share):
        """Take one step down the gradient; see `Rival.learn`."""
        self.set_rate(share)
        loss = self.loss(torch.from_numpy(batch), share)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        parameters = self.network.parameters()
        nn.utils.clip_grad_norm_(parameters, self.settings["largest_gradient"])
        self.optimiser.step()
        return loss.item()

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return codes; see `Rival.infer`."""
        stimuli = torch.from_numpy(self._stimuli(stimuli))
        steps = self._steps(n_steps)
        with seeded(self.seed), torch.no_grad():
            state = self.start(stimuli)
            code = self.code(state, sample)
            for _ in range(steps):
                state = self.step(stimuli, state)
                # After every step, so that draws do not depend on who asks for them.
                code = self.code(state, sample)
                if after_step is not None:
                    after_step(code.numpy())
        return code.numpy()

    def decode(self, codes):
        """Return the reconstructions."""
        with torch.no_grad():
            return self.reconstruct(torch.from_numpy(self._codes(codes))).numpy()

    def arrays(self):
        """Return all weights."""
        return {name: value.numpy() for name, value in self.network.state_dict().items()}

    def set_arrays(self, arrays):
        """Take them over."""
        self.network.load_state_dict({name: torch.tensor(a) for name, a in arrays.items()})


class LinearIterative(TorchRival):
    """A rival that infers step by step with the dictionary that decodes.

    Settings
    --------
    training_steps, n_steps : int
        Of inference, in training and after it.
    """

    ITERATIVE = True
    # Trainings of minutes need many changes of weights: half the published steps and batches, and
    # twice the learning rate.
    DEFAULTS = TorchRival.DEFAULTS | {
        "batch_size": 100,
        "learning_rate": 0.01,
        "training_steps": 8,
        "n_steps": 50,
    }

    def reconstruct(self, code):
        """Return the reconstructions of codes."""
        return code @ self.network.dictionary.T

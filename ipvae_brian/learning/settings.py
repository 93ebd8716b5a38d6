"""Everything that determines a training besides its data."""

from dataclasses import dataclass

import numpy as np
from brian2.only import second

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.presentation import Trial
from ipvae_brian.network.spiking import SpikingNetwork


@dataclass(frozen=True)
class TrainingSettings:
    """What determines a training besides its data; stored with checkpoints and compared.

    Names as in `IPVAE`, which documents and checks them.
    """

    n_neurons: int
    spike_size: float
    noise_penalty: float
    leak: float
    tau_seconds: float
    training_gain: float
    training_sparsity: float
    training_highest_potential: float
    steps_per_tau: int
    batch_size: int
    shard_size: int
    n_windows: int
    windows_left_out: int
    n_epochs: int
    averaging_rate: float
    dictionary_step: float
    ridge: float
    annealing: float
    revive_after: int
    engine: str
    seed: int

    def parameters(self, dictionary, **others):
        """The network that is trained, or with other arguments one with the same dictionary."""
        values = {
            "gain": self.training_gain,
            "sparsity": self.training_sparsity,
            "highest_potential": self.training_highest_potential,
        }
        return Parameters.from_unit_dictionary(
            dictionary,
            spike_size=self.spike_size,
            noise_penalty=self.noise_penalty,
            leak=self.leak,
            tau=self.tau_seconds * second,
            **(values | others),
        )

    def network(self, dictionary):
        """A network of as many copies as there are stimuli in a shard."""
        return SpikingNetwork(
            self.parameters(dictionary),
            pathway="shared",
            n_copies=self.shard_size,
            dt=self.tau_seconds / self.steps_per_tau * second,
            engine=self.engine,
            name="ipvae_training",
        )

    def trials(self, stimuli, n_batch, first_shard=0):
        """The shards of a batch, or of a part of it that begins with shard number `first_shard`."""
        steps = np.array([self.n_windows * self.steps_per_tau])
        shape = (self.n_windows, self.shard_size, self.n_neurons)
        # Used again by every shard, whose results are summed up before the next begins.
        counts, expected = np.empty(shape, np.int32), np.empty(shape, np.float32)
        for shard, begin in enumerate(range(0, len(stimuli), self.shard_size), first_shard):
            part = stimuli[begin : begin + self.shard_size]
            frames = np.zeros((self.shard_size, 1, stimuli.shape[1]), np.float32)
            frames[: len(part), 0] = part
            seed = [self.seed, 1, n_batch, shard]
            yield Trial(frames, steps, seed=seed, used=len(part), counts=counts, expected=expected)

"""Pools of neurons that are read as one unit each: complex cells made of simple ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, number, whole_number
from ipvae_brian._tools.frozen import frozen
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.spikes import Spikes

# How many neurons complex cells are made of, and how many of the cells have as many: what gives
# vanhateren-512 the ratios F1/F0 of macaque.
SIZES = (1, 2, 4, 12)
SHARES = (0.33, 0.2, 0.15, 0.32)


@dataclass(frozen=True)
class Pools:
    """Pools of neurons, whose spikes are summed up.

    Parameters
    ----------
    members : sequence of sequences of int
        The neurons of each pool. A neuron belongs to one pool at most.

    Raises
    ------
    TypeError, ValueError
        If a pool is empty, a number is no whole number or negative, or a neuron is in two pools.

    Notes
    -----
    A linear filter with a threshold is modulated by every cycle of a drifting grating. Neurons of
    different phases that prefer the same orientation and spatial frequency, taken together, are
    not, like a complex cell (Hubel & Wiesel 1962, J. Physiol. 160:106; energy model of Adelson &
    Bergen 1985).

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.recordings import Pools
    >>> counts = np.array([[[1, 2, 3, 4]]])
    >>> recording = Recording(counts, Timing(dt=0.1, n_steps=1, steps_per_window=1))
    >>> pooled = Pools([[0, 2], [3]]).pool(recording)
    >>> pooled.counts, pooled.units["pool_size"]
    (array([[[4, 4]]]), array([2, 1]))
    """

    members: tuple[NDArray[np.integer], ...]

    def __init__(self, members: Sequence[ArrayLike]):
        pools = []
        for pool in members:
            numbers = finite_array(pool, "members", ndim=1)
            if (numbers != np.floor(numbers)).any() or (numbers < 0).any():
                raise ValueError(f"members must be numbers of neurons, got {numbers.tolist()}")
            pools.append(frozen(numbers.astype(np.int64)))
        if not pools:
            raise ValueError("members must have at least one pool")
        neurons, times = np.unique(np.concatenate(pools), return_counts=True)
        if (times > 1).any():
            raise ValueError(f"members: neuron {neurons[times > 1][0]} is in more than one pool")
        object.__setattr__(self, "members", tuple(pools))

    @classmethod
    def of_similar(
        cls,
        orientations: ArrayLike,
        spatial_frequencies: ArrayLike,
        *,
        harmonics: ArrayLike | None = None,
        sizes: Sequence[int] = SIZES,
        shares: Sequence[float] = SHARES,
        within: tuple[float, float] = (15.0, 0.5),
        seed: int = 0,
    ) -> Pools:
        """Return pools of neurons that prefer the same orientation and spatial frequency.

        Parameters
        ----------
        orientations : array_like, shape (n_neurons,)
            Preferred ones in degrees; NaN for neurons that are to be in no pool.
        spatial_frequencies : array_like, shape (n_neurons,)
            Preferred ones in any unit, above zero, or NaN.
        harmonics : array_like of complex, shape (n_neurons, n_neurons), optional
            First harmonic, with its phase, of neuron j's response to the grating which neuron i
            prefers: ``harmonics[i, j]``. With them, neurons join a pool which cancel best, as
            subunits of an energy model do; without, those that are most similar.
        sizes : sequence of int, default (1, 2, 4, 12)
            Neurons of a pool.
        shares : sequence of float, default (.33, .2, .15, .32)
            Which part of the pools is to have each size.
        within : (float, float), default (15, .5)
            By how many degrees and octaves a neuron may differ from the one that a pool is made
            around. The largest pools are made first; where too few similar neurons are left, there
            are fewer pools.
        seed : int, default 0
            Pools are made around neurons that are chosen at random.

        Raises
        ------
        TypeError, ValueError
            If arguments have the wrong type, shape or range, or no neuron can be used.
        """
        orientation = np.asarray(orientations, float)
        frequency = np.asarray(spatial_frequencies, float)
        if orientation.ndim != 1 or orientation.shape != frequency.shape:
            raise ValueError(
                "orientations and spatial_frequencies must have one number for each neuron, got "
                f"shapes {orientation.shape} and {frequency.shape}"
            )
        left = np.isfinite(orientation) & np.isfinite(frequency)
        if (frequency[left] <= 0).any():
            raise ValueError("spatial_frequencies must be > 0")
        if not left.any():
            raise ValueError("orientations has no neuron that prefers any")
        if harmonics is not None:
            harmonics = np.asarray(harmonics, complex)
            if harmonics.shape != (len(left), len(left)):
                raise ValueError(
                    f"harmonics must have the shape {(len(left),) * 2}, got {harmonics.shape}"
                )
            if not np.isfinite(harmonics[np.ix_(left, left)]).all():
                raise ValueError("harmonics must be finite for neurons that prefer any orientation")
        octave = np.log2(np.where(left, frequency, 1))
        rng = np.random.default_rng(whole_number(seed, "seed", minimum=0))
        pools = []
        for size, n_pools in _numbers(sizes, shares, int(left.sum())):
            made = 0
            for centre in rng.permutation(len(left)):
                if made == n_pools:
                    break
                if not left[centre]:
                    continue
                distance = _distances(orientation, octave, centre, within)
                near = np.flatnonzero(left & (distance <= 1))
                if len(near) >= size:
                    near = near[np.argsort(distance[near], kind="stable")]
                    pool = near[:size]
                    if harmonics is not None:
                        pool = near[_balanced(harmonics[centre, near], size)]
                    left[pool] = False
                    pools.append(np.sort(pool))
                    made += 1
        return cls(pools)

    @property
    def sizes(self) -> NDArray[np.integer]:
        """Neurons of each pool, (n_pools,)."""
        return np.array([len(pool) for pool in self.members])

    def __len__(self) -> int:
        return len(self.members)

    def pool(self, recording: Recording) -> Recording:
        """Return a recording of the pools, each of which fires the spikes of all its neurons.

        Parameters
        ----------
        recording : Recording

        Returns
        -------
        Recording
            Its units have the ``pool_size``. Spike times are kept if there are any.

        Raises
        ------
        TypeError, ValueError
            If `recording` is none, or does not have all the neurons.
        """
        if not isinstance(recording, Recording):
            raise TypeError(f"recording must be a Recording, got {type(recording).__name__}")
        every = np.concatenate(self.members)
        if every.max() >= recording.n_neurons:
            raise ValueError(
                f"recording must have neuron {every.max()} of the pools, got "
                f"{recording.n_neurons} neurons"
            )
        place = np.full(recording.n_neurons, -1)
        place[every] = np.repeat(np.arange(len(self)), self.sizes)
        first = np.cumsum(self.sizes) - self.sizes
        counts = np.add.reduceat(recording.counts[:, :, every], first, axis=2)
        spikes = recording.spikes
        if spikes is not None:
            own = place[spikes.neuron] >= 0
            s = spikes
            spikes = Spikes(s.trial[own], place[s.neuron[own]], s.time[own], s.count[own])
        return Recording(
            counts,
            recording.timing,
            spikes=spikes,
            conditions=recording.conditions,
            units={"pool_size": self.sizes},
            frames=recording.frames,
            stimulus_numbers=recording.stimulus_numbers,
            copy=False,
        )


def _numbers(sizes, shares, n_neurons):
    """Return size and number of the pools that so many neurons make, the largest first."""
    sizes = [whole_number(size, "sizes") for size in sizes]
    shares = np.array([number(share, "shares", minimum=0) for share in shares])
    if len(sizes) != len(shares) or not len(sizes) or shares.sum() == 0:
        raise ValueError(
            f"shares must have one number for each size, not all zero, got {len(shares)} for "
            f"{len(sizes)} sizes"
        )
    shares = shares / shares.sum()
    n_pools = n_neurons / (shares @ sizes)
    wanted = np.maximum(np.floor(shares * n_pools + 1e-9), shares > 0).astype(int)
    return sorted(zip(sizes, wanted.tolist(), strict=True), reverse=True)


def _balanced(waves, size):
    """Return the first and those that cancel it best, one after another: what is left of all."""
    members, total, whole = [0], waves[0], np.abs(waves[0])
    for _ in range(size - 1):
        lengths = whole + np.abs(waves)
        left = np.abs(total + waves)
        left = np.divide(left, lengths, out=np.ones(len(waves)), where=lengths > 0)
        left[members] = np.inf
        members.append(int(left.argmin()))
        total, whole = total + waves[members[-1]], lengths[members[-1]]
    return members


def _distances(orientation, octave, centre, within):
    """Return how far neurons are from one, 1 being the limit of what is similar."""
    degrees = np.abs(orientation - orientation[centre]) % 180
    degrees = np.minimum(degrees, 180 - degrees)
    largest = [number(limit, "within", above=0) for limit in within]
    return np.fmax(degrees / largest[0], np.abs(octave - octave[centre]) / largest[1])

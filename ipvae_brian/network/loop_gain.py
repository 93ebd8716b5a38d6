"""The gain of the loop from spikes through inhibition to spikes, and the rates it depends on."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.special import wrightomega

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.lateral import within_reach

# Stimuli of which the loop gain is computed.
N_SAMPLED = 256
# Part of the loop gain at carried potentials that counts. Within a run, potentials swing so much
# from spike to spike that it is up to four times that of the mean rates.
CARRIED_SHARE = 0.125


@dataclass(frozen=True)
class Loop:
    """What the loop of inhibition depends on, besides the rates.

    Attributes
    ----------
    parameters : Parameters
    delay : float, default 0
        Of the inhibition, in seconds.
    lateral : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Parameters
    >>> from ipvae_brian.network.loop_gain import Loop, gain_at
    >>> model = Parameters(dictionary=2 * np.eye(3), resting_potential=0)
    >>> gain_at(Loop(model)), gain_at(Loop(model, lateral="off"))
    (4.0, 0.0)
    """

    parameters: Parameters
    delay: float = 0.0
    lateral: str = "all"

    @property
    def tau(self) -> float:
        """Membrane time constant in seconds."""
        return float(self.parameters.tau)


def mean_field_rates(
    parameters: Parameters, stimuli: NDArray, n_iterations: int = 100, *, lateral: str = "all"
) -> NDArray:
    """Return the rates at the fixed point of the equations without spiking noise.

    They solve a least-squares problem with a linear penalty and bounds (the LASSO with r >= 0), to
    which a leak adds the divergence from the rates at rest. It is found here by proximal gradient
    descent, which cannot diverge. With an adaptive prior the penalty grows as a logarithm, and
    what is found is a local minimum.

    Parameters
    ----------
    parameters : Parameters
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    n_iterations : int
    lateral : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits.

    Returns
    -------
    numpy.ndarray, shape (n_stimuli, n_neurons)
        Expected spikes per tau.
    """
    p = parameters
    weights = within_reach(p.lateral_weights, lateral)
    largest = np.diag(weights).max()
    if lateral == "all":
        largest = np.linalg.norm(p.scaled_dictionary, 2) ** 2 / p.noise_variance
    step = 1 / max(float(largest), 1e-12)
    # Single precision is plenty for a margin of a quarter.
    drive = p.drive(np.asarray(stimuli, float)) - p.threshold
    drive, weights = drive.astype(np.float32), weights.astype(np.float32)
    threshold, half_rate = p.threshold.astype(np.float32), p.half_threshold_rate
    lowest, highest = math.exp(p.lowest_potential), math.exp(p.highest_potential)
    pull = (step * p.leak / p.natural_gradient_step).astype(np.float32)
    rest = p.resting_potential.astype(np.float32)
    rates = np.full_like(drive, lowest)
    previous, momentum = rates, 1.0
    for _ in range(n_iterations):
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = rates + (momentum - 1) / following * (rates - previous)
        previous, momentum = rates, following
        uphill = drive - ahead @ weights
        if half_rate is not None:
            # What the threshold has fallen by.
            uphill += threshold * (1 - half_rate / (half_rate + np.maximum(ahead, 0)))
        rates = ahead + step * uphill
        if p.leak:
            # Where r + pull log(r / rate at rest) is what it was before the leak.
            rates = pull * wrightomega(rates / pull + rest - np.log(pull))
        rates = np.clip(rates, lowest, highest, dtype=np.float32)
    return rates


def loop_gain(parameters: Parameters, rates: NDArray, *, lateral: str = "all") -> float:
    """Return the largest eigenvalue of diag(eta) W diag(r), per tau.

    Parameters
    ----------
    parameters : Parameters
    rates : numpy.ndarray, shape (n_neurons,)
        Expected spikes per tau.
    lateral : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits.

    Returns
    -------
    float
    """
    if lateral != "all":
        own = np.diag(within_reach(parameters.lateral_weights, lateral))
        return float((parameters.natural_gradient_step * np.asarray(rates, float) * own).max())
    # Similar to (Phi s)^T (Phi s) / sigma2 with s^2 = eta r, which is symmetric.
    scale = np.sqrt(parameters.natural_gradient_step * np.asarray(rates, float))
    active = np.flatnonzero(scale)
    if not len(active):
        return 0.0
    scaled = parameters.scaled_dictionary[:, active] * scale[active]
    small = scaled if scaled.shape[0] <= scaled.shape[1] else scaled.T
    if small.shape[0] == 1:
        return float((small**2).sum() / parameters.noise_variance)
    # SciPy has no types, and makes objects of another class here than the one that is called.
    make: Any = LinearOperator
    operator = make((small.shape[0],) * 2, matvec=lambda v: small @ (small.T @ v), dtype=float)
    start = np.ones(small.shape[0])
    options: Any = {"k": 1, "which": "LA", "return_eigenvectors": False, "tol": 1e-4}
    largest = eigsh(operator, v0=start, **options)[0]
    return float(largest / parameters.noise_variance)


def largest_gain(loop: Loop, stimuli: NDArray, start: NDArray | None = None) -> float:
    """Return the largest loop gain on the way from the start to the codes of stimuli.

    Parameters
    ----------
    loop : Loop
    stimuli : numpy.ndarray, shape (..., n_pixels)
        Of many, a sample is looked at.
    start : numpy.ndarray, shape (n, n_neurons), optional
        Potentials from which inference begins; by default those at rest.

    Returns
    -------
    float
        Per tau; at carried potentials it counts by `CARRIED_SHARE`.
    """
    parameters, lateral = loop.parameters, loop.lateral
    stimuli = np.asarray(stimuli).reshape(-1, parameters.n_pixels)
    # The strongest stimuli, and many others: the gain is largest where energy falls on few neurons.
    energy = np.einsum("sp,sp->s", stimuli, stimuli, dtype=float)
    strongest = np.argsort(-energy, kind="stable")[: N_SAMPLED // 16]
    others = np.linspace(0, len(stimuli) - 1, min(len(stimuli), N_SAMPLED)).astype(int)
    chosen = stimuli[np.union1d(strongest, others)].astype(float)
    # Rates far from the fixed point tell well enough which stimuli have the largest gains.
    for n_iterations, n_kept in ((30, N_SAMPLED // 8), (100, 4)):
        rates = mean_field_rates(parameters, chosen, n_iterations, lateral=lateral)
        gains = _approximate_gains(parameters, rates, lateral)
        kept = np.argsort(-gains, kind="stable")[:n_kept]
        chosen, rates = chosen[kept], rates[kept]
    settled = max(loop_gain(parameters, one, lateral=lateral) for one in rates)
    return max(settled, gain_at(loop, start))


def gain_at(loop: Loop, potentials: NDArray | None = None) -> float:
    """Return the loop gain at rest, or what counts of the largest at potentials (n, n_neurons)."""
    parameters, lateral = loop.parameters, loop.lateral
    if potentials is None:
        return loop_gain(parameters, np.exp(parameters.resting_potential), lateral=lateral)
    rates = np.exp(np.minimum(potentials, parameters.highest_potential))
    # No gain is above the sum of its terms, those of single neurons.
    most = rates @ (parameters.natural_gradient_step * parameters.spike_sizes**2)
    rates = rates[np.argsort(-most, kind="stable")[:4]]
    return CARRIED_SHARE * max(loop_gain(parameters, one, lateral=lateral) for one in rates)


def _approximate_gains(parameters, rates, lateral, n_iterations=20):
    """Return loop gains from below for many rates at once, (n_stimuli,), by power iteration."""
    scale = np.sqrt(parameters.natural_gradient_step * rates).astype(np.float32)
    weights = within_reach(parameters.lateral_weights, lateral).astype(np.float32)
    vector, gains = scale, np.zeros(len(scale))
    for _ in range(n_iterations):
        length = np.linalg.norm(vector, axis=1, keepdims=True)
        vector = np.divide(vector, length, out=np.zeros_like(vector), where=length > 0)
        product = scale * ((scale * vector) @ weights)
        gains, vector = (vector * product).sum(axis=1), product
    return gains

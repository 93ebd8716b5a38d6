"""Which time step is stable: the gain of the loop from spikes through inhibition to spikes.

Near a fixed point with rates r a step h = dt/tau multiplies deviations of the potential by
I - h diag(eta) W diag(r). It diverges when h times the largest eigenvalue of
diag(eta) W diag(r), here called the loop gain, exceeds 2.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from ipvae_brian._tools.caller import warn_user
from ipvae_brian.errors import DivergenceError, StabilityWarning
from ipvae_brian.model.parameters import Parameters

Result = TypeVar("Result")

# Part of the limit that the package uses. Spikes let rates stray from the fixed point: of 2,000
# natural patches shown to 512 neurons none diverged at 0.45 of the limit, of others 51 did at 0.48;
# with two dozen neurons one of a hundred did at 0.35.
MARGIN = 0.25
# Above this, a spike changes its neuron's potential so much that no step is surely stable.
LARGEST_JUMP = 3.0
# The same for simulation in continuous time, which has no step. Of 512 neurons with random or
# learned columns none ran away at 8, and the code was best at 5; at 12 spikes excite spikes.
LARGEST_EXACT_JUMP = 8.0
# By how much the drive may raise the potential of the most strongly driven neuron in one of the
# steps in which it acts in continuous time, as a mean over stimuli: with three times as much, codes
# of 512 neurons are measurably worse, with a third of it no better.
LARGEST_RISE = 1.5
# Stimuli of which the loop gain is computed.
N_SAMPLED = 256
# How often a run at a chosen step is repeated at half of it when it diverged.
HALVINGS = 3
# Steps per tau that are tried, continuous time throughout; round dt for tau = 20 ms.
STEPS_PER_TAU = (20, 25, 40, 50, 80, 100, 125, 160, 200, 250, 400, 500, 800, 1000, 2000)


def mean_field_rates(parameters: Parameters, stimuli: NDArray, n_iterations: int = 100) -> NDArray:
    """Return the rates at the fixed point of the equations without spiking noise.

    With the leak left out they solve a non-negative least-squares problem with a linear penalty
    (the LASSO with r >= 0), found here by projected gradient descent, which cannot diverge. With an
    adaptive prior the penalty grows as a logarithm, and what is found is a local minimum.

    Parameters
    ----------
    parameters : Parameters
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    n_iterations : int

    Returns
    -------
    numpy.ndarray, shape (n_stimuli, n_neurons)
        Expected spikes per tau.
    """
    largest = np.linalg.norm(parameters.dictionary, 2) ** 2 / parameters.noise_variance
    step = 1 / max(float(largest), 1e-12)
    # Single precision is plenty for a margin of a quarter.
    drive = parameters.drive(np.asarray(stimuli, float)) - parameters.threshold
    drive, weights = drive.astype(np.float32), parameters.lateral_weights.astype(np.float32)
    threshold, half_rate = parameters.threshold.astype(np.float32), parameters.half_threshold_rate
    rates = np.zeros_like(drive)
    previous, momentum = rates, 1.0
    for _ in range(n_iterations):
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = rates + (momentum - 1) / following * (rates - previous)
        previous, momentum = rates, following
        uphill = drive - ahead @ weights
        if half_rate is not None:
            # What the threshold has fallen by.
            uphill += threshold * (1 - half_rate / (half_rate + np.maximum(ahead, 0)))
        rates = np.maximum(ahead + step * uphill, 0)
    return np.minimum(rates, math.exp(parameters.highest_potential))


def loop_gain(parameters: Parameters, rates: NDArray) -> float:
    """Return the largest eigenvalue of diag(eta) W diag(r), per tau.

    Parameters
    ----------
    parameters : Parameters
    rates : numpy.ndarray, shape (n_neurons,)
        Expected spikes per tau.

    Returns
    -------
    float
    """
    # Similar to (Phi s)^T (Phi s) / sigma2 with s^2 = eta r, which is symmetric.
    scale = np.sqrt(parameters.natural_gradient_step * np.asarray(rates, float))
    active = np.flatnonzero(scale)
    if not len(active):
        return 0.0
    scaled = parameters.dictionary[:, active] * scale[active]
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


def critical_step(delay_steps: int = 0) -> float:
    """Return the step (in tau) times loop gain at which the linearised dynamics diverge.

    2 sin(pi / (2 (2 D + 1))) for feedback that arrives D time steps late; 2 without delay.
    """
    return 2 * math.sin(math.pi / (2 * (2 * delay_steps + 1)))


def largest_stable_dt(parameters: Parameters, rates: NDArray) -> float:
    """Return the dt in seconds at which the linearised dynamics at these rates diverge."""
    gain = loop_gain(parameters, rates)
    return math.inf if gain == 0 else critical_step() * float(parameters.tau) / gain


def _largest_gain(parameters, stimuli):
    """Return the largest loop gain over (a sample of) the stimuli."""
    stimuli = np.asarray(stimuli, float).reshape(-1, parameters.n_pixels)
    # The strongest stimuli, and many others: the gain is largest where energy falls on few neurons.
    strongest = np.argsort(-(stimuli**2).sum(axis=1), kind="stable")[: N_SAMPLED // 16]
    others = np.linspace(0, len(stimuli) - 1, min(len(stimuli), N_SAMPLED)).astype(int)
    chosen = stimuli[np.union1d(strongest, others)]
    # Rates far from the fixed point tell well enough which stimuli have the largest gains.
    for n_iterations, n_kept in ((30, N_SAMPLED // 8), (100, 4)):
        rates = mean_field_rates(parameters, chosen, n_iterations)
        gains = _approximate_gains(parameters, rates)
        kept = np.argsort(-gains, kind="stable")[:n_kept]
        chosen, rates = chosen[kept], rates[kept]
    return max(loop_gain(parameters, one) for one in rates)


def _approximate_gains(parameters, rates, n_iterations=20):
    """Return loop gains from below for many rates at once, (n_stimuli,), by power iteration."""
    scale = np.sqrt(parameters.natural_gradient_step * rates).astype(np.float32)
    weights = parameters.lateral_weights.astype(np.float32)
    vector, gains = scale, np.zeros(len(scale))
    for _ in range(n_iterations):
        length = np.linalg.norm(vector, axis=1, keepdims=True)
        vector = np.divide(vector, length, out=np.zeros_like(vector), where=length > 0)
        product = scale * ((scale * vector) @ weights)
        gains, vector = (vector * product).sum(axis=1), product
    return gains


def _warn_of_large_jumps(parameters, largest=LARGEST_JUMP):
    jump = float(
        (parameters.natural_gradient_step * parameters.spike_sizes**2).max()
        / parameters.noise_variance
    )
    if jump > largest:
        warn_user(
            f"one spike lowers its neuron's potential by {jump:.3g} "
            f"(natural_gradient_step * |phi|^2 / noise_variance); above {largest:g} a run may "
            "diverge at any dt: lower natural_gradient_step",
            StabilityWarning,
        )


def choose_dt(
    parameters: Parameters, stimuli: NDArray, *, delay: float = 0.0, margin: float = MARGIN
) -> float:
    """Return a stable time step: tau/20, or less where the loop gain of these stimuli asks for it.

    Parameters
    ----------
    parameters : Parameters
    stimuli : numpy.ndarray, shape (..., n_pixels)
    delay : float, default 0
        Delay of the inhibition in seconds.
    margin : float, default 0.25
        Part of the linear stability limit that may be used.

    Returns
    -------
    float
        dt in seconds, a whole fraction of tau.

    Raises
    ------
    ValueError
        If even tau/2000 is not stable: the gain, the delay or the stimuli are out of all
        proportion.
    """
    _warn_of_large_jumps(parameters)
    tau, gain = float(parameters.tau), _largest_gain(parameters, stimuli)
    whole = [n for n in STEPS_PER_TAU if abs(delay * n / tau - round(delay * n / tau)) < 1e-6]
    if not whole:
        raise ValueError(
            f"delay must be a whole number of time steps, and no dt = tau / n with n in "
            f"{STEPS_PER_TAU} divides {delay * 1e3:g} ms at tau = {tau * 1e3:g} ms: round it to "
            f"{round(delay * 1000 / tau) * tau:g} ms"
        )
    for steps in whole:
        if gain / steps <= margin * critical_step(round(delay * steps / tau)):
            return tau / steps
    # Feedback that arrives late is limited by the delay, whatever the step.
    late = f" or a delay below {margin * math.pi / 2 / gain * tau * 1e3:.3g} ms" if delay else ""
    raise ValueError(
        f"no stable time step: these stimuli and natural_gradient_step need "
        f"dt < {margin * 2 / gain * tau * 1e3:.3g} ms{late} at tau = {tau * 1e3:g} ms; z-score "
        "the stimuli or lower natural_gradient_step"
    )


def check_dt(
    parameters: Parameters, stimuli: NDArray, dt_seconds: float, *, delay: float = 0.0
) -> None:
    """Warn with the numbers if a user's dt is near or above the limit for these stimuli."""
    _warn_of_large_jumps(parameters)
    tau = float(parameters.tau)
    critical = critical_step(round(delay / dt_seconds))
    used = _largest_gain(parameters, stimuli) * dt_seconds / tau / critical
    if used <= MARGIN:
        return
    state = "is expected to diverge" if used > 1 else "is only marginally stable"
    with_delay = f" with a delay of {delay * 1e3:.3g} ms" if delay else ""
    warn_user(
        f"dt = {dt_seconds * 1e3:.3g} ms{with_delay} {state}: it uses {used:.2f} of the stability "
        f"limit for these stimuli, and up to {MARGIN} is safe",
        StabilityWarning,
    )


def choose_drive_dt(parameters: Parameters, stimuli: NDArray) -> float:
    """Return a time step in which drive can act in continuous time: tau/20, or less.

    There spikes inhibit at once, whatever the step, so its only limit is how far the drive may take
    a potential before it is looked at again.

    Parameters
    ----------
    parameters : Parameters
    stimuli : numpy.ndarray, shape (..., n_pixels)

    Returns
    -------
    float
        dt in seconds, a whole fraction of tau.
    """
    _warn_of_large_jumps(parameters, LARGEST_EXACT_JUMP)
    rise = _largest_rises(parameters, stimuli).mean()
    steps = next((n for n in STEPS_PER_TAU if rise / n <= LARGEST_RISE), STEPS_PER_TAU[-1])
    return float(parameters.tau) / steps


def check_drive_dt(parameters: Parameters, stimuli: NDArray, dt_seconds: float) -> None:
    """Warn if a user's dt lets the drive of these stimuli act too coarsely in continuous time."""
    _warn_of_large_jumps(parameters, LARGEST_EXACT_JUMP)
    rise = _largest_rises(parameters, stimuli).mean() * dt_seconds / float(parameters.tau)
    if rise > 3 * LARGEST_RISE:
        warn_user(
            f"dt = {dt_seconds * 1e3:.3g} ms is coarse for these stimuli: their drive raises a "
            f"potential by up to {rise:.2g} in one step, and up to {LARGEST_RISE:g} is accurate",
            StabilityWarning,
        )


def _largest_rises(parameters, stimuli):
    """Return by how much the drive of (a sample of) the stimuli raises a potential per tau."""
    stimuli = np.asarray(stimuli, float).reshape(-1, parameters.n_pixels)
    chosen = np.linspace(0, len(stimuli) - 1, min(len(stimuli), N_SAMPLED)).astype(int)
    drive = parameters.drive(stimuli[chosen]) - parameters.threshold
    return np.maximum(parameters.natural_gradient_step * drive, 0).max(axis=1)


def with_halvings(run: Callable[[float], Result], dt_seconds: float) -> Result:
    """Call ``run(dt_seconds)``, again at half the step if it diverged, and so on a few times.

    For steps that the package chose: which one is stable is not known for certain beforehand.

    Parameters
    ----------
    run : callable
    dt_seconds : float

    Raises
    ------
    DivergenceError
        If the last try diverged, too.
    """
    for _ in range(HALVINGS):
        try:
            return run(dt_seconds)
        except DivergenceError as error:
            dt_seconds /= 2
            warn_user(
                f"repeated at dt = {dt_seconds * 1e3:.3g} ms, because {error}",
                StabilityWarning,
            )
    return run(dt_seconds)

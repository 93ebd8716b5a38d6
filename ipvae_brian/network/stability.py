"""Which time step is stable, and which gain at a given time step.

Near a fixed point with rates r a step h = dt/tau multiplies deviations of the potential by
I - h (leak I + diag(eta) W diag(r)). It diverges when h times the largest eigenvalue exceeds 2: the
leak and the loop gain (see `loop_gain`) together.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import known_name, seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import DivergenceError, StabilityWarning
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.arguments import as_stimuli, whole_fraction
from ipvae_brian.network.loop_gain import N_SAMPLED, Loop, gain_at, largest_gain

Result = TypeVar("Result")

# Part of the limit that the package uses. Spikes let rates stray from the fixed point: of 2,000
# natural patches shown to 512 neurons none diverged at 0.45 of the limit, of others 51 did at 0.48;
# with two dozen neurons one of a hundred did at 0.35.
MARGIN = 0.25
# Above this, a spike changes potentials so much that a run may diverge at a step that is fine
# enough for its loop gain: neurons unlike the one that fires rise by part of the jump, and several
# of them fire in a step before inhibition comes. What is needed grows as rates do, exponentially:
# of 40 natural patches shown to 512 neurons, each by itself, all took no more than 80, 125, 200 and
# 400 steps per tau at jumps of 2.4, 3.6, 5.4 and 7.7. Where rates are high as well, windows are
# measurably worse from .15 of the limit on. With a delay no step is surely stable.
LARGEST_JUMP = 3.0
STEPS_WITHOUT_JUMP, JUMP_OF_E_TIMES_THE_STEPS = 33, 3.0
MARGIN_OF_JUMPS = 0.1
# The same for simulation in continuous time, which has no step. Of 512 neurons with random or
# learned columns none ran away at 8, and the code was best at 5; at 12 spikes excite spikes.
LARGEST_EXACT_JUMP = 8.0
# By how much the drive may raise the potential of the most strongly driven neuron in one of the
# steps in which it acts in continuous time, as a mean over stimuli: with three times as much, codes
# of 512 neurons are measurably worse, with a third of it no better.
LARGEST_RISE = 1.5
# How often a run at a chosen step is repeated at half of it when it diverged.
HALVINGS = 3
# How often the gain that is stable is worked out anew with a leak.
LEAKY_ROUNDS = 6
# Steps that a delay is divided into for the gain that is stable with it: four allow nine tenths of
# what infinitely many would.
STEPS_OF_DELAY = 4
# How far a stable gain keeps from the margin, so that rounding does not set off a warning.
BELOW = 0.99
# Steps per tau that are tried, continuous time throughout; round dt for tau = 20 ms.
STEPS_PER_TAU = (20, 25, 40, 50, 80, 100, 125, 160, 200, 250, 400, 500, 800, 1000, 2000, 4000)


def critical_step(delay_steps: int = 0) -> float:
    """Return the step (in tau) times loop gain at which the linearised dynamics diverge.

    2 sin(pi / (2 (2 D + 1))) for feedback that arrives D time steps late; 2 without delay.
    """
    return 2 * math.sin(math.pi / (2 * (2 * delay_steps + 1)))


def _used(loop, gain, steps):
    """Return the part of the limit that a loop gain and the leak use at so many steps per tau."""
    delay_steps = round(loop.delay * steps / loop.tau)
    return gain / steps / critical_step(delay_steps) + loop.parameters.leak / steps / 2


def _coarsest(loop, gain, margin=MARGIN, above=0):
    """Return the least steps per tau, more than `above`, that are stable; None if there is none."""
    enough = 1.0
    # Who uses more than is safe puts up with runs that diverge.
    if margin <= MARGIN:
        enough, margin = _steps_for_jump(loop), min(margin, _margin(loop))
    allowed = (n for n in _that_divide_delay(loop) if n > above and n >= enough)
    return next((n for n in allowed if _used(loop, gain, n) <= margin), None)


def _jump(loop):
    """Return by how much a spike lowers its neuron's potential, where it is most."""
    if loop.lateral == "off":
        return 0.0
    p = loop.parameters
    return float((p.natural_gradient_step * p.spike_sizes**2).max() / p.noise_variance)


def _margin(loop):
    """Return the part of the limit that may be used."""
    return MARGIN_OF_JUMPS if _jump(loop) > LARGEST_JUMP else MARGIN


def _steps_for_jump(loop):
    """Return the steps per tau below which large jumps may make a run diverge."""
    jump = min(_jump(loop), LARGEST_EXACT_JUMP)
    if jump <= LARGEST_JUMP:
        return 1.0
    return STEPS_WITHOUT_JUMP * math.exp(jump / JUMP_OF_E_TIMES_THE_STEPS)


def _that_divide_delay(loop):
    """Return numbers of steps per tau of which the delay is whole steps."""
    in_tau = loop.delay / loop.tau
    return [n for n in STEPS_PER_TAU if abs(in_tau * n - round(in_tau * n)) < 1e-6]


def _no_step_divides_delay(loop):
    return ValueError(
        f"delay must be a whole number of time steps, and no dt = tau / n with n in "
        f"{STEPS_PER_TAU} divides {loop.delay * 1e3:g} ms at tau = {loop.tau * 1e3:g} ms: round it "
        f"to {round(loop.delay * 1000 / loop.tau) * loop.tau:g} ms"
    )


def _warn_of_large_jumps(loop, dt_seconds=None):
    """Warn of spikes that change potentials too much for a step, or for continuous time."""
    jump, in_steps = _jump(loop), dt_seconds is not None
    largest = LARGEST_JUMP if in_steps and loop.delay else LARGEST_EXACT_JUMP
    if jump > largest:
        remedy = f"above {largest:g} a run may diverge at any dt: lower natural_gradient_step"
    elif in_steps and round(loop.tau / dt_seconds) < _steps_for_jump(loop):
        finest = loop.tau / next(n for n in STEPS_PER_TAU if n >= _steps_for_jump(loop))
        remedy = f"that needs a dt of {finest * 1e3:.3g} ms, or a lower natural_gradient_step"
    else:
        return
    warn_user(
        f"one spike lowers its neuron's potential by {jump:.3g} "
        f"(natural_gradient_step * |phi|^2 / noise_variance); {remedy}",
        StabilityWarning,
    )


def choose_dt(
    loop: Loop, stimuli: NDArray, *, margin: float = MARGIN, start: NDArray | None = None
) -> float:
    """Return a stable time step: tau/20, or less where the loop gain or the leak asks for it.

    Parameters
    ----------
    loop : Loop
    stimuli : numpy.ndarray, shape (..., n_pixels)
    margin : float, default 0.25
        Part of the linear stability limit that may be used. Large spikes get a finer step, unless
        this is above 0.25: then some stimuli may diverge.
    start : numpy.ndarray, shape (n, n_neurons), optional
        Potentials from which inference begins; by default those at rest.

    Returns
    -------
    float
        dt in seconds, a whole fraction of tau.

    Raises
    ------
    ValueError
        If even tau/4000 is not stable: the gain, the delay, the potentials at rest or the stimuli
        are out of all proportion. The message names a gain that is stable.
    """
    tau, gain = loop.tau, largest_gain(loop, stimuli, start)
    if not _that_divide_delay(loop):
        raise _no_step_divides_delay(loop)
    steps = _coarsest(loop, gain, margin)
    if steps is not None:
        if margin <= MARGIN:
            _warn_of_large_jumps(loop, tau / steps)
        return tau / steps
    needed = f"dt < {margin * 2 / (gain + loop.parameters.leak) * tau * 1e3:.3g} ms"
    if loop.delay:
        # Feedback that arrives late is limited by the delay, whatever the step.
        needed += f" or a delay below {margin * math.pi / 2 / gain * tau * 1e3:.3g} ms"
    raise ValueError(
        f"no stable time step: these stimuli, resting_potential and natural_gradient_step need "
        f"{needed} at tau = {tau * 1e3:g} ms; z-score the stimuli, lower resting_potential, or "
        f"lower natural_gradient_step{_gain_in_words(loop, stimuli)}"
    )


def check_dt(loop: Loop, stimuli: NDArray, dt_seconds: float, start: NDArray | None = None) -> None:
    """Warn with the numbers if a user's dt is near or above the limit for these stimuli."""
    _warn_of_large_jumps(loop, dt_seconds)
    _warn_if_coarse(loop, largest_gain(loop, stimuli, start), dt_seconds, "these stimuli")


def check_start(loop: Loop, start: NDArray, dt_seconds: float) -> None:
    """Warn if dt is too coarse for potentials (n, n_neurons) that inference is to begin from."""
    _warn_if_coarse(loop, gain_at(loop, start), dt_seconds, "the present potentials")


def _warn_if_coarse(loop, gain, dt_seconds, cause):
    steps = round(loop.tau / dt_seconds)
    used = _used(loop, gain, steps)
    margin = _margin(loop)
    if used <= margin:
        return
    state = "is expected to diverge" if used > 1 else "is only marginally stable"
    with_delay = f" with a delay of {loop.delay * 1e3:.3g} ms" if loop.delay else ""
    warn_user(
        f"dt = {dt_seconds * 1e3:.3g} ms{with_delay} {state}: it uses {used:.2f} of the stability "
        f"limit for {cause}, and up to {margin} is safe; {_remedy(loop, gain, steps)}",
        StabilityWarning,
    )


def advice(loop: Loop, stimuli: NDArray, dt_seconds: float) -> str:
    """Return what to do about a run that diverged, as the end of a sentence.

    Parameters
    ----------
    loop : Loop
    stimuli : numpy.ndarray, shape (..., n_pixels)
        That were shown.
    dt_seconds : float
        Which was too coarse, whatever the loop gain says.
    """
    steps = round(loop.tau / dt_seconds)
    # Of the steps that should do, one that is much finer than what did not.
    return _remedy(loop, largest_gain(loop, stimuli), 2 * steps - 1)


def _remedy(loop, gain, above):
    """Return which dt, finer than tau / above, or else which gain is stable, in words."""
    steps = _coarsest(loop, gain, above=above)
    if steps is not None:
        return f"use dt={loop.tau * 1e3 / steps:.8g}*ms"
    less = f"times {_margin(loop) / _used(loop, gain, above):.2g}"
    return f"no dt is surely stable: lower the gain (Parameters.with_gain), {less} at this dt"


def stable_gain(
    parameters: Parameters,
    stimuli: ArrayLike,
    dt: Time | None = None,
    *,
    delay: Time | None = None,
    margin: float = MARGIN,
    lateral: str = "all",
) -> float:
    """Return the largest gain that is stable at a time step, such as tau for discrete updates.

    Parameters
    ----------
    parameters : Parameters
    stimuli : array_like
        That will be shown, as for `SpikingNetwork.present`; of many, a sample is looked at.
    dt : Quantity, optional
        By default one of which several make up the delay.
    delay : Quantity, optional
        Time from a spike to its inhibition.
    margin : float, default 0.25
        Part of the linear stability limit that may be used.
    lateral : {"all", "self"}, default "all"
        Which neurons a spike inhibits. With "off" every gain is stable.

    Returns
    -------
    float
        For `Parameters.with_gain`.

    Raises
    ------
    ValueError
        If the leak alone is too much for that time step, or there is neither a step nor a delay.

    Examples
    --------
    The discrete updates of the paper, with a model that was made for continuous time:

    >>> from brian2 import ms
    >>> from ipvae_brian import SpikingNetwork, load_model, stable_gain
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> model = load_model("photographs-512")
    >>> x = load_stimuli("photographs", n_train=10, n_validation=20).validation
    >>> discrete = model.with_gain(stable_gain(model, x, model.tau))
    >>> network = SpikingNetwork(discrete, n_copies=20, dt=model.tau)
    >>> response = network.present(x, 100 * model.tau, seed=0)
    >>> bool(response.r2().mean() > 0.6)
    True

    Axons as slow as those of cortex; the network finds the step:

    >>> slow = model.with_gain(stable_gain(model, x, delay=2 * ms))
    >>> network = SpikingNetwork(slow, delay=2 * ms).build(x)
    >>> network.dt
    0.5 * msecond
    """
    late = 0.0 if delay is None else seconds(delay, "delay", allow_zero=True)
    shown = as_stimuli(stimuli, parameters, "stimuli")
    loop = Loop(parameters, late, known_name(lateral, "lateral", ("all", "self")))
    if dt is not None:
        steps = round(loop.tau / whole_fraction(seconds(dt, "dt"), parameters))
    elif late:
        steps = _steps_within_delay(loop)
    else:
        raise ValueError("dt must be given where there is no delay: the gain depends on it")
    return _stable_gain(loop, shown, steps, margin)


def _steps_within_delay(loop):
    """Return steps per tau that divide the delay into enough steps to get most of the gain."""
    divide = _that_divide_delay(loop)
    enough = [n for n in divide if round(loop.delay * n / loop.tau) >= STEPS_OF_DELAY]
    if not enough:
        raise _no_step_divides_delay(loop)
    return enough[0]


def _stable_gain(loop, stimuli, steps, margin=MARGIN):
    gain = _gain_within(loop, stimuli, steps, margin)
    # A jump is proportional to the gain.
    per_gain = _jump(replace(loop, parameters=loop.parameters.with_gain(1.0)))
    if gain * per_gain <= LARGEST_JUMP:
        return gain
    # Larger ones need more room; if there is not as much, they must not be larger.
    largest = JUMP_OF_E_TIMES_THE_STEPS * math.log(steps / STEPS_WITHOUT_JUMP)
    largest = 0.0 if loop.delay else min(largest, LARGEST_EXACT_JUMP)
    strict = _gain_within(loop, stimuli, steps, min(margin, MARGIN_OF_JUMPS))
    strict = min(strict, BELOW * largest / per_gain)
    return max(strict, BELOW * LARGEST_JUMP / per_gain)


def _gain_within(loop, stimuli, steps, margin):
    """Return the gain at which a part of the linear limit is used."""
    parameters = loop.parameters
    left = margin - _used(loop, 0.0, steps)
    if left <= 0:
        raise ValueError(
            f"dt must be below {2 * margin / parameters.leak:.3g} tau at leak = "
            f"{parameters.leak:g}, whatever the gain, got {1 / steps:.3g} tau"
        )
    gain = 1.0
    # At once without a leak, with which the rates that settle depend on the gain, too.
    for _ in range(1 if parameters.leak == 0 else LEAKY_ROUNDS):
        changed = replace(loop, parameters=parameters.with_gain(gain))
        gain *= left / (_used(loop, largest_gain(changed, stimuli), steps) - margin + left)
    return BELOW * gain


def _gain_in_words(loop, stimuli):
    """Return which gain is stable at a step of tau / 100, in words."""
    steps = 100
    try:
        gain = _stable_gain(loop, stimuli, steps)
    except ValueError:
        return ""
    dt_ms = loop.tau * 1e3 / steps
    return f": parameters.with_gain({gain:.2g}) is stable at dt={dt_ms:.8g}*ms"


def choose_drive_dt(loop: Loop, stimuli: NDArray) -> float:
    """Return a time step in which drive can act in continuous time: tau/20, or less.

    There spikes inhibit at once, whatever the step, so its only limit is how far the drive may take
    a potential before it is looked at again.

    Parameters
    ----------
    loop : Loop
    stimuli : numpy.ndarray, shape (..., n_pixels)

    Returns
    -------
    float
        dt in seconds, a whole fraction of tau.
    """
    _warn_of_large_jumps(loop)
    rise = _largest_rises(loop.parameters, stimuli).mean()
    steps = next((n for n in STEPS_PER_TAU if rise / n <= LARGEST_RISE), STEPS_PER_TAU[-1])
    return loop.tau / steps


def check_drive_dt(loop: Loop, stimuli: NDArray, dt_seconds: float) -> None:
    """Warn if a user's dt lets the drive of these stimuli act too coarsely in continuous time."""
    _warn_of_large_jumps(loop)
    rise = _largest_rises(loop.parameters, stimuli).mean() * dt_seconds / loop.tau
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

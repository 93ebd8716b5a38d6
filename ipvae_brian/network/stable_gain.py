"""Which gain is stable at a time step, such as that of discrete updates, or with a delay."""

from dataclasses import replace

from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import known_name, seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.arguments import as_stimuli, whole_fraction
from ipvae_brian.network.loop_gain import Loop, largest_gain
from ipvae_brian.network.stability_limit import (
    LARGEST_JUMP,
    MARGIN,
    MARGIN_OF_JUMPS,
    jump_of,
    largest_jump_at,
    no_step_divides,
    part_used,
    steps_that_divide,
)

# How often the gain that is stable is worked out anew with a leak.
LEAKY_ROUNDS = 6
# Steps that a delay is divided into for the gain that is stable with it: four allow nine tenths of
# what infinitely many would.
STEPS_OF_DELAY = 4
# How far a stable gain keeps from the margin, so that rounding does not set off a warning.
BELOW = 0.99


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
    divide = steps_that_divide(loop)
    enough = [n for n in divide if round(loop.delay * n / loop.tau) >= STEPS_OF_DELAY]
    if not enough:
        raise no_step_divides(loop)
    return enough[0]


def _stable_gain(loop, stimuli, steps, margin=MARGIN):
    gain = _gain_within(loop, stimuli, steps, margin)
    # A jump is proportional to the gain.
    per_gain = jump_of(replace(loop, parameters=loop.parameters.with_gain(1.0)))
    if gain * per_gain <= LARGEST_JUMP:
        return gain
    # Larger ones need more room; if there is not as much, they must not be larger.
    largest = LARGEST_JUMP if loop.delay else largest_jump_at(steps)
    strict = _gain_within(loop, stimuli, steps, min(margin, MARGIN_OF_JUMPS))
    strict = max(strict, BELOW * LARGEST_JUMP / per_gain)
    return min(strict, BELOW * largest / per_gain)


def _gain_within(loop, stimuli, steps, margin):
    """Return the gain at which a part of the linear limit is used."""
    parameters = loop.parameters
    left = margin - part_used(loop, 0.0, steps)
    if left <= 0:
        raise ValueError(
            f"dt must be below {2 * margin / parameters.leak:.3g} tau at leak = "
            f"{parameters.leak:g}, whatever the gain, got {1 / steps:.3g} tau"
        )
    gain = 1.0
    # At once without a leak, with which the rates that settle depend on the gain, too.
    for _ in range(1 if parameters.leak == 0 else LEAKY_ROUNDS):
        changed = replace(loop, parameters=parameters.with_gain(gain))
        gain *= left / (part_used(loop, largest_gain(changed, stimuli), steps) - margin + left)
    return BELOW * gain


def gain_in_words(loop: Loop, stimuli: NDArray) -> str:
    """Return which gain is stable at a step of tau / 100, in words."""
    steps = 100
    try:
        gain = _stable_gain(loop, stimuli, steps)
    except ValueError:
        return ""
    dt_ms = loop.tau * 1e3 / steps
    return f": parameters.with_gain({gain:.2g}) is stable at dt={dt_ms:.8g}*ms"

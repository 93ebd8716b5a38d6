"""Which time step is stable for a loop of inhibition and the stimuli that are shown."""

import math
from collections.abc import Callable
from typing import TypeVar

from numpy.typing import NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian.errors import DivergenceError, StabilityWarning
from ipvae_brian.network.loop_gain import Loop, gain_at, largest_gain
from ipvae_brian.network.stability_limit import (
    MARGIN,
    jump_of,
    margin_of,
    no_step_divides,
    part_used,
    steps_for_jump,
    steps_that_divide,
    warn_of_large_jumps,
)
from ipvae_brian.network.stable_gain import gain_in_words

Result = TypeVar("Result")

# How often a run at a chosen step is repeated at half of it when it diverged.
HALVINGS = 3


def _coarsest(loop, gain, margin=MARGIN, above=0):
    """Return the least steps per tau, more than `above`, that are stable; None if there is none."""
    enough = 1.0
    # Who uses more than is safe puts up with runs that diverge.
    if margin <= MARGIN:
        enough, margin = steps_for_jump(jump_of(loop)), min(margin, margin_of(loop))
    allowed = (n for n in steps_that_divide(loop) if n > above and n >= enough)
    return next((n for n in allowed if part_used(loop, gain, n) <= margin), None)


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
    if not steps_that_divide(loop):
        raise no_step_divides(loop)
    steps = _coarsest(loop, gain, margin)
    if steps is not None:
        if margin <= MARGIN:
            warn_of_large_jumps(loop, tau / steps)
        return tau / steps
    needed = f"dt < {margin * 2 / (gain + loop.parameters.leak) * tau * 1e3:.3g} ms"
    if loop.delay:
        # Feedback that arrives late is limited by the delay, whatever the step.
        needed += f" or a delay below {margin * math.pi / 2 / gain * tau * 1e3:.3g} ms"
    raise ValueError(
        f"no stable time step: these stimuli, resting_potential and natural_gradient_step need "
        f"{needed} at tau = {tau * 1e3:g} ms; z-score the stimuli, lower resting_potential, or "
        f"lower natural_gradient_step{gain_in_words(loop, stimuli)}"
    )


def check_dt(loop: Loop, stimuli: NDArray, dt_seconds: float, start: NDArray | None = None) -> None:
    """Warn with the numbers if a user's dt is near or above the limit for these stimuli."""
    warn_of_large_jumps(loop, dt_seconds)
    _warn_if_coarse(loop, largest_gain(loop, stimuli, start), dt_seconds, "these stimuli")


def check_start(loop: Loop, start: NDArray, dt_seconds: float) -> None:
    """Warn if dt is too coarse for potentials (n, n_neurons) that inference is to begin from."""
    _warn_if_coarse(loop, gain_at(loop, start), dt_seconds, "the present potentials")


def _warn_if_coarse(loop, gain, dt_seconds, cause):
    steps = round(loop.tau / dt_seconds)
    used = part_used(loop, gain, steps)
    margin = margin_of(loop)
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
    less = f"times {margin_of(loop) / part_used(loop, gain, above):.2g}"
    return f"no dt is surely stable: lower the gain (Parameters.with_gain), {less} at this dt"


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

"""What of the limit of stability is used, and what spikes that change potentials much need.

Near a fixed point with rates r a step h = dt/tau multiplies deviations of the potential by
I - h (leak I + diag(eta) W diag(r)). It diverges when h times the largest eigenvalue exceeds 2: the
leak and the loop gain (see `loop_gain`) together.
"""

import math

from ipvae_brian._tools.caller import warn_user
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.network.loop_gain import Loop

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
# Steps per tau that are tried, continuous time throughout; round dt for tau = 20 ms.
STEPS_PER_TAU = (20, 25, 40, 50, 80, 100, 125, 160, 200, 250, 400, 500, 800, 1000, 2000, 4000)


def critical_step(delay_steps: int = 0) -> float:
    """Return the step (in tau) times loop gain at which the linearised dynamics diverge.

    2 sin(pi / (2 (2 D + 1))) for feedback that arrives D time steps late; 2 without delay.
    """
    return 2 * math.sin(math.pi / (2 * (2 * delay_steps + 1)))


def part_used(loop: Loop, gain: float, steps: int) -> float:
    """Return the part of the limit that a loop gain and the leak use at so many steps per tau."""
    delay_steps = round(loop.delay * steps / loop.tau)
    return gain / steps / critical_step(delay_steps) + loop.parameters.leak / steps / 2


def steps_that_divide(loop: Loop) -> list[int]:
    """Return numbers of steps per tau of which the delay is whole steps."""
    in_tau = loop.delay / loop.tau
    return [n for n in STEPS_PER_TAU if abs(in_tau * n - round(in_tau * n)) < 1e-6]


def no_step_divides(loop: Loop) -> ValueError:
    """Return the error that says so of a delay, and what to round it to."""
    return ValueError(
        f"delay must be a whole number of time steps, and no dt = tau / n with n in "
        f"{STEPS_PER_TAU} divides {loop.delay * 1e3:g} ms at tau = {loop.tau * 1e3:g} ms: round it "
        f"to {round(loop.delay * 1000 / loop.tau) * loop.tau:g} ms"
    )


def jump_of(loop: Loop) -> float:
    """Return by how much a spike lowers its neuron's potential, where it is most."""
    if loop.lateral == "off":
        return 0.0
    p = loop.parameters
    return float((p.natural_gradient_step * p.spike_sizes**2).max() / p.noise_variance)


def margin_of(loop: Loop) -> float:
    """Return the part of the limit that may be used."""
    return MARGIN_OF_JUMPS if jump_of(loop) > LARGEST_JUMP else MARGIN


def steps_for_jump(jump: float) -> float:
    """Return the steps per tau below which so large a jump may make a run diverge."""
    if jump <= LARGEST_JUMP:
        return 1.0
    jump = min(jump, LARGEST_EXACT_JUMP)
    return STEPS_WITHOUT_JUMP * math.exp(jump / JUMP_OF_E_TIMES_THE_STEPS)


def largest_jump_at(steps: int) -> float:
    """Return the largest jump for which so many steps per tau are enough, as `steps_for_jump`."""
    jump = JUMP_OF_E_TIMES_THE_STEPS * math.log(steps / STEPS_WITHOUT_JUMP)
    return min(max(jump, LARGEST_JUMP), LARGEST_EXACT_JUMP)


def warn_of_large_jumps(loop: Loop, dt_seconds: float | None = None) -> None:
    """Warn of spikes that change potentials too much for a step, or for continuous time."""
    jump = jump_of(loop)
    late = loop.delay and dt_seconds is not None
    largest = LARGEST_JUMP if late else LARGEST_EXACT_JUMP
    if jump > largest:
        remedy = f"above {largest:g} a run may diverge at any dt: lower natural_gradient_step"
    elif dt_seconds is not None and round(loop.tau / dt_seconds) < steps_for_jump(jump):
        finest = loop.tau / next(n for n in STEPS_PER_TAU if n >= steps_for_jump(jump))
        remedy = f"that needs a dt of {finest * 1e3:.3g} ms, or a lower natural_gradient_step"
    else:
        return
    warn_user(
        f"one spike lowers its neuron's potential by {jump:.3g} "
        f"(natural_gradient_step * |phi|^2 / noise_variance); {remedy}",
        StabilityWarning,
    )

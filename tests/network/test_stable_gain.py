"""Gains that are stable at a time step or with a delay, and no smaller than need be."""

import re
import warnings

import numpy as np
import pytest
import reference
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import DivergenceError, Parameters, SpikingNetwork, StabilityWarning, stable_gain
from ipvae_brian.network import stability
from ipvae_brian.network.loop_gain import Loop, largest_gain
from ipvae_brian.network.stability_limit import MARGIN, critical_step


def check_that_it_is_the_largest(parameters, stimuli, steps, delay_steps, safe, warning):
    """The package does not warn of `safe` times what is found, and does of a little more."""
    dt = parameters.tau / steps
    delay = delay_steps * dt if delay_steps else None
    gain = stable_gain(parameters, stimuli, dt, delay=delay)

    def check(factor):
        loop = Loop(parameters.with_gain(factor * gain), delay_steps * float(dt))
        stability.check_dt(loop, stimuli, float(dt))

    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        check(safe)
    with pytest.warns(StabilityWarning, match=warning):
        check(1.03)


@pytest.mark.parametrize("leak", [0.0, 0.2])
@pytest.mark.parametrize(("steps", "delay_steps"), [(1, 0), (20, 0), (20, 3)])
def test_stable_gain_uses_the_margin(leak, steps, delay_steps, stimuli):
    """And no more: what is found is the limit of what `check_dt` does not warn of."""
    warning = "it uses 0.2[56] of the stability limit"
    parameters = make_parameters(leak=leak)
    check_that_it_is_the_largest(parameters, stimuli, steps, delay_steps, 0.97, warning)


@pytest.mark.parametrize("delay_steps", [0, 4])
@pytest.mark.parametrize("steps", [20, 80, 250, 1000])
def test_the_stable_gain_knows_of_large_spikes(steps, delay_steps):
    """A small share of the loop gain, as stimuli are weak, and no warning at what is found."""
    warning = "one spike lowers its neuron's potential"
    parameters = Parameters(dictionary=0.5 * np.eye(6), threshold=0.1, resting_potential=-6.0)
    weak = 0.05 * np.ones((2, 6))
    check_that_it_is_the_largest(parameters, weak, steps, delay_steps, 1.0, warning)


def test_discrete_updates_at_the_stable_gain():
    """At its own gain the network runs away at dt = tau; at this one it codes."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 16))
    model = Parameters.from_unit_dictionary(
        rng.normal(size=(16, 64)), spike_size=0.4, gain=6, sparsity=0.25
    )
    with (
        pytest.warns(StabilityWarning, match="is expected to diverge.*use dt="),
        pytest.raises(DivergenceError),
    ):
        SpikingNetwork(model, n_copies=20, dt=model.tau).present(x, 20 * model.tau, seed=0)
    discrete = model.with_gain(stable_gain(model, x, model.tau))
    network = SpikingNetwork(discrete, n_copies=20, dt=model.tau)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        response = network.present(x, 300 * model.tau, seed=0)
    assert response.r2().mean() > 0.6


def test_a_delay_that_no_step_makes_stable_gets_a_gain(stimuli):
    parameters = make_parameters(natural_gradient_step=2.0)
    with pytest.raises(ValueError, match="no stable time step") as error:
        SpikingNetwork(parameters, delay=40 * ms).build(stimuli)
    gain, dt = re.search(r"with_gain\((\S+)\) is stable at dt=(\S+)\*ms", str(error.value)).groups()
    slower = parameters.with_gain(0.95 * float(gain))
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        network = SpikingNetwork(slower, delay=40 * ms, dt=float(dt) * ms)
        network.present(stimuli, 100 * ms, seed=1)


def test_no_gain_is_stable_where_the_leak_alone_is_not(stimuli):
    with pytest.raises(ValueError, match="dt must be below 0.1 tau at leak = 5, whatever the gain"):
        stable_gain(make_parameters(leak=5.0), stimuli, 10 * ms)
    with pytest.raises(TypeError, match="dt must be a time"):
        stable_gain(make_parameters(), stimuli, 0.001)


@pytest.mark.parametrize("delay_ms", [1, 2, 3])
def test_gain_for_the_delays_of_cortex(delay_ms, stimuli):
    """One call gives a gain at which a network finds a step, without a warning, and codes."""
    parameters, delay = make_parameters(natural_gradient_step=20.0), delay_ms * ms
    with pytest.raises(ValueError, match="no stable time step"):
        SpikingNetwork(parameters, delay=delay).build(stimuli)
    gain = stable_gain(parameters, stimuli, delay=delay)
    slower = parameters.with_gain(gain)
    network = SpikingNetwork(slower, delay=delay, record_potentials="all")
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        response = network.present(stimuli, 600 * ms, seed=1)
    steps = round(delay_ms / float(network.dt / ms))
    assert steps >= 4 and steps * float(network.dt) == pytest.approx(delay_ms * 1e-3)
    expected, _ = reference.simulate(
        slower,
        np.repeat(stimuli[:1], response.timing.n_steps, axis=0),
        response.step_counts[0].T,
        float(network.dt / slower.tau),
        delay_steps=steps,
    )
    np.testing.assert_allclose(response.potentials[0], expected.T, atol=1e-9)
    # Nothing of the limit is given away: a twentieth more would be above the margin.
    gain_of_loop = largest_gain(Loop(parameters.with_gain(1.05 * gain)), stimuli)
    used = gain_of_loop * float(network.dt / parameters.tau) / critical_step(steps)
    assert used > MARGIN


def test_gain_needs_a_step_or_a_delay(stimuli):
    with pytest.raises(ValueError, match="dt must be given where there is no delay"):
        stable_gain(make_parameters(), stimuli)
    with pytest.raises(ValueError, match="no dt = tau / n"):
        stable_gain(make_parameters(), stimuli, delay=1.2345 * ms)

"""Which neurons a spike inhibits, on every circuit; loop gain, rates and bounds go by it."""

import numpy as np
import pytest
import reference
from brian2 import ms
from helpers import ALL, NAMES, make_parameters

from ipvae_brian import DivergenceError, SpikingNetwork, StabilityWarning, stable_gain
from ipvae_brian.network.divergence import Bound, too_many_spikes
from ipvae_brian.network.lateral import within_reach
from ipvae_brian.network.loop_gain import Loop, largest_gain, loop_gain, mean_field_rates
from ipvae_brian.network.stability import choose_dt

PARAMETERS = make_parameters(leak=0.4, noise_variance=1.5, scale=0.3)

PATHWAYS = dict(zip(NAMES, ALL, strict=True))


def make_network(parameters, pathway, **options):
    double = {} if "pathway" in pathway else {"precision": "double"}
    options = {"dt": 4 * ms, "record_potentials": "all", "record_spikes": True} | options
    return SpikingNetwork(parameters, **pathway, **double, **options)


def test_weights_within_reach(rng):
    weights = rng.normal(size=(4, 4))
    assert within_reach(weights, "all") is weights
    np.testing.assert_array_equal(within_reach(weights, "self"), weights * np.eye(4))
    np.testing.assert_array_equal(within_reach(weights, "off"), 0 * weights)


@pytest.mark.parametrize("lateral", ["self", "off"])
@pytest.mark.parametrize("name", list(PATHWAYS))
def test_every_step_is_the_defined_one(name, lateral, stimuli):
    if (name, lateral) == ("error_units", "self"):
        with pytest.raises(ValueError, match="lateral 'self' needs pathway 'synapses'"):
            make_network(PARAMETERS, PATHWAYS[name], lateral=lateral)
        return
    network = make_network(PARAMETERS, PATHWAYS[name], lateral=lateral)
    for parameters in (PARAMETERS, make_parameters(leak=0.4, noise_variance=1.5, seed=9)):
        network.set_parameters(parameters)
        response = network.present(stimuli, 80 * ms, seed=1)
        assert response.step_counts.sum() > 50
        expected, _ = reference.of_response(response, lateral=lateral)
        np.testing.assert_allclose(response.potentials, expected, atol=1e-10, rtol=0)
        # With all of them it is something else.
        other, _ = reference.of_response(response)
        assert np.abs(response.potentials - other).max() > 0.1


@pytest.mark.parametrize("lateral", ["self", "off"])
def test_spike_by_spike(lateral, stimuli):
    network = SpikingNetwork(
        PARAMETERS,
        n_copies=5,
        dt=4 * ms,
        engine="events",
        precision="double",
        lateral=lateral,
        record_spikes=True,
        record_potentials="all",
    )
    response = network.present(stimuli, 80 * ms, seed=1)
    for trial, x in enumerate(stimuli):
        mine = response.spikes.trial == trial
        step, within = np.divmod(response.spikes.time[mine] / 4e-3, 1)
        spikes = [[] for _ in range(20)]
        for s, w, j in zip(step, within, response.spikes.neuron[mine], strict=True):
            spikes[int(s)].append((0.2 * w, j))
        drives = np.tile(PARAMETERS.drive(x), (20, 1))
        ends, _ = reference.in_continuous_time(PARAMETERS, drives, spikes, 0.2, lateral=lateral)
        np.testing.assert_allclose(response.potentials[trial, :, 1:], ends[:-1].T, atol=1e-9)


def test_delayed_self_inhibition(stimuli):
    network = make_network(PARAMETERS, PATHWAYS["synapses"], lateral="self", delay=8 * ms)
    response = network.present(stimuli[0], 100 * ms, seed=1)
    expected, _ = reference.simulate(
        PARAMETERS,
        np.repeat(stimuli[:1], 25, axis=0),
        response.step_counts[0].T,
        0.2,
        delay_steps=2,
        lateral="self",
    )
    np.testing.assert_allclose(response.potentials[0], expected.T, atol=1e-10)


def test_mean_field_rates_without_competition_have_a_closed_form(stimuli):
    p = make_parameters(noise_variance=1.5)
    excess = p.drive(stimuli) - p.threshold
    alone = np.clip(excess / np.diag(p.lateral_weights), np.exp(p.lowest_potential), None)
    rates = mean_field_rates(p, stimuli, 300, lateral="self")
    np.testing.assert_allclose(rates, alone, rtol=1e-4)
    # Nothing but a leak holds rates back.
    p = p.replace(leak=2.0)
    settled = p.resting_potential + p.natural_gradient_step * excess / p.leak
    rates = mean_field_rates(p, stimuli, lateral="off")
    bounded = np.clip(settled, p.lowest_potential, p.highest_potential)
    np.testing.assert_allclose(np.log(rates), bounded, atol=1e-4)


def test_loop_gain_is_that_of_the_weights_there_are(rng):
    rates = rng.exponential(size=12)
    weights = np.diag(PARAMETERS.natural_gradient_step) @ PARAMETERS.lateral_weights
    own = (weights * np.eye(12)) @ rates
    assert loop_gain(PARAMETERS, rates, lateral="self") == pytest.approx(own.max())
    assert loop_gain(PARAMETERS, rates, lateral="off") == 0
    assert loop_gain(PARAMETERS, rates) > own.max()


def test_stability_follows(stimuli):
    strong, stimuli = PARAMETERS.with_gain(2.0).replace(leak=0.0), 8 * stimuli
    gains = [largest_gain(Loop(strong, lateral=name), stimuli) for name in ("off", "self", "all")]
    assert gains[0] == 0 and gains[0] < gains[1] < gains[2]
    steps = [choose_dt(Loop(strong, lateral=name), stimuli) for name in ("off", "self", "all")]
    assert steps[0] == pytest.approx(1e-3) and steps[0] > steps[1] > steps[2]
    for name, step in zip(("self", "all"), steps[1:], strict=True):
        network = SpikingNetwork(strong, n_copies=5, engine="numpy", lateral=name).build(stimuli)
        assert float(network.dt) == pytest.approx(step)
    with pytest.warns(StabilityWarning, match="expected to diverge"):
        choice = SpikingNetwork(strong.with_gain(100), dt=20 * ms, lateral="self")
        choice.check_dt(stimuli, 20e-3)
    allowed = stable_gain(strong, stimuli, 20 * ms, lateral="self")
    assert allowed > stable_gain(strong, stimuli, 20 * ms)
    with pytest.raises(ValueError, match="lateral"):
        stable_gain(strong, stimuli, 20 * ms, lateral="off")


def test_without_inhibition_and_leak_there_is_a_warning():
    with pytest.warns(StabilityWarning, match="give the parameters a leak"):
        SpikingNetwork(make_parameters(), lateral="off")
    with pytest.raises(ValueError, match="lateral"):
        SpikingNetwork(make_parameters(), lateral="some")


def exceeded(parameters, stimuli, counts, reach):
    bound = Bound(parameters, stimuli[:, None], 20, reach=reach)
    return bound.exceeded(stimuli, counts, parameters.decode(counts), 20)


def test_which_copies_diverged(stimuli, rng):
    """What neurons fire that code alone is no divergence, a hundredfold of it is."""
    p = make_parameters(n_neurons=600, threshold=0.0, scale=0.3, resting_potential=-5.0)
    rates = np.maximum(p.drive(stimuli) / np.diag(p.lateral_weights), 0)
    for _ in range(50):
        counts = rng.poisson(rates)
        assert not exceeded(p, stimuli, counts, "self").any()
        assert not too_many_spikes(stimuli, counts, p, "self").any()
    # All of them together explain the stimulus several times, which would be divergence.
    assert exceeded(p, stimuli, rng.poisson(rates), "all").all()
    wild = rng.poisson(rates)
    wild[3] = 100 * wild[3] + 100
    assert exceeded(p, stimuli, wild, "self").tolist() == [False, False, False, True, False]
    assert not exceeded(p, stimuli, wild, "off").any()
    assert not too_many_spikes(stimuli, wild, p, "off").any()
    assert exceeded(p.replace(leak=41.0), stimuli, wild, "off").all()


@pytest.mark.filterwarnings("ignore::ipvae_brian.StabilityWarning")
@pytest.mark.parametrize("engine", ["numpy", "numba", "events"])
def test_self_inhibition_that_runs_away_is_noticed(engine, stimuli):
    p = make_parameters(scale=1.0, natural_gradient_step=8.0, threshold=0.0, resting_potential=3.0)
    network = SpikingNetwork(p, n_copies=5, engine=engine, lateral="self", dt=4 * ms)
    if engine == "events":  # in continuous time it does not
        assert network.present(10 * stimuli, 200 * ms, seed=1).counts.mean() < 100
        return
    with pytest.raises(DivergenceError):
        network.present(10 * stimuli, 400 * ms, seed=1)


def test_neurons_alone_code_alone(stimuli):
    """Rates of each neuron are those at which it explains what it sees: within 5 %."""
    p = make_parameters(threshold=0.02, natural_gradient_step=2.0, scale=0.1)
    network = SpikingNetwork(p, n_copies=200, engine="numpy", lateral="self")
    response = network.present(np.repeat(stimuli, 40, axis=0), 800 * ms, seed=2)
    rates = response.settled_counts().reshape(5, 40, 12).mean(axis=1)
    wanted = mean_field_rates(p, stimuli, 2000, lateral="self")
    assert np.abs(rates - wanted).max() < 0.05 * wanted.max()

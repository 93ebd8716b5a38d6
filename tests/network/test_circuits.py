"""All pathways, engines and targets do the defined step, to rounding, whatever they are shown."""

import gc

import brian2
import numpy as np
import pytest
import reference
from brian2 import ms
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from helpers import VARIANTS, make_parameters

from ipvae_brian import SpikingNetwork

TOLERANCE = 1e-10
PATHWAYS = {
    "synapses": {"pathway": "synapses"},
    "error_units": {"pathway": "error_units"},
    "copies_brian2": {"engine": "brian2", "n_copies": 2},
    "copies_numpy": {"engine": "numpy", "n_copies": 2, "precision": "double"},
    "copies_numba": {
        "engine": "numba",
        "n_copies": 2,
        "precision": "double",
    },
}
# Reaches both bounds with the stimuli here.
TIGHT = {"lowest_potential": -1.0, "highest_potential": 1.0}


@pytest.fixture(autouse=True)
def no_network_of_earlier_tests():
    """One that is still there takes the names, and Cython compiles the same code again."""
    gc.collect()


@pytest.fixture(params=list(PATHWAYS))
def pathway(request):
    return PATHWAYS[request.param]


@pytest.fixture(
    params=[
        "numpy",
        pytest.param(
            "cython",
            marks=pytest.mark.skipif(
                not CythonCodeObject.is_available(), reason="no C++ compiler for Cython"
            ),
        ),
    ]
)
def target(request):
    return request.param


def make_network(parameters, pathway, **options):
    options = {"dt": 4 * ms, "record_spikes": True} | pathway | options
    return SpikingNetwork(parameters, record_potentials=range(parameters.n_neurons), **options)


def assert_equals_reference(response, **options):
    expected, end = reference.of_response(response, **options)
    assert response.potentials.shape == expected.shape
    np.testing.assert_allclose(response.potentials, expected, atol=TOLERANCE, rtol=0)
    return end


def test_every_step_is_the_defined_one(pathway, target, stimuli):
    """Five stimuli (three waves of two copies), carry-over, movies and resets on one network."""
    parameters = make_parameters(leak=0.3, noise_variance=2.5)
    network = make_network(parameters, pathway, target=target)
    n = network.n_copies
    response = network.present(stimuli, 60 * ms, seed=1)
    assert response.potentials.shape == (5, 12, 15)
    assert response.step_counts.sum() > 50
    assert_equals_reference(response)
    expected = np.exp(response.potentials).reshape(5, 12, 3, 5).sum(axis=3) * 0.2
    np.testing.assert_allclose(response.expected_counts, expected.transpose(0, 2, 1), rtol=1e-9)

    # Without reset each copy goes on from what it saw before, in this call and the one before.
    first = network.present(stimuli[: 2 * n], 60 * ms, seed=2)
    end = assert_equals_reference(first)
    second = network.present(stimuli[: 2 * n], 44 * ms, reset=False, seed=3)
    assert_equals_reference(second, start=end[-n:], carry_over=True, n_copies=n)

    # A movie for each copy, frames of different durations that end within windows of tau.
    movies = np.stack([stimuli[:3], stimuli[2:5]])
    durations = [12 * ms, 36 * ms, 20 * ms]
    carried = network.present_movie(movies, durations, seed=4)
    assert carried.timing.frame_steps == (3, 9, 5)
    assert_equals_reference(carried)
    fresh = network.present_movie(movies, durations, reset_frames=True, seed=4)
    assert_equals_reference(fresh, reset_frames=True)
    np.testing.assert_array_equal(
        fresh.potentials[:, :, 3], np.broadcast_to(parameters.resting_potential, (2, 12))
    )


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_each_kind_of_dynamics(pathway, variant, stimuli):
    network = make_network(make_parameters(**VARIANTS[variant]), pathway)
    assert_equals_reference(network.present(stimuli, 80 * ms))


def test_potentials_stay_within_bounds(pathway, stimuli):
    parameters = make_parameters(scale=0.5, natural_gradient_step=3.0, **TIGHT)
    # Not a stable network: its bounds hold it, and that is what is tested here.
    response = make_network(parameters, pathway).present(stimuli, 100 * ms)
    assert_equals_reference(response)
    for bound in TIGHT.values():
        assert (response.potentials == bound).mean() > 0.02
    assert np.abs(response.potentials).max() <= 1


def test_counts_above_one_inhibit_by_their_number(pathway, target, stimuli):
    parameters = make_parameters(resting_potential=1.5, scale=0.05, threshold=0.0)
    network = make_network(parameters, pathway, target=target, dt=20 * ms)
    response = network.present(stimuli, 200 * ms)
    assert response.step_counts.max() > 5
    assert_equals_reference(response)
    # Taking a count for one event, as a plain spike would, is noticed.
    response.step_counts = np.minimum(response.step_counts, 1)
    wrong, _ = reference.of_response(response)
    assert np.abs(wrong - response.potentials).max() > 0.01


def test_same_counts_give_same_potentials_on_all_pathways(stimuli):
    """The counts that one pathway drew, forced upon the others."""
    parameters = make_parameters(leak=0.1, noise_variance=1.5)
    drawn = make_network(parameters, PATHWAYS["synapses"]).present(stimuli[0], 100 * ms)
    counts = drawn.step_counts[0]
    for name in ("synapses", "error_units", "copies_brian2"):
        network = make_network(parameters, PATHWAYS[name])
        (draw,) = (o for o in network.neurons.contained_objects if o.when == "start")
        draw.active = False
        steps = iter(counts.T)

        @brian2.network_operation(dt=4 * ms, when="start")
        def force():
            # Both functions are called within this round only.
            network.neurons.z = np.tile(next(steps), network.n_copies)  # noqa: B023

        network.add(force)
        response = network.present(stimuli[0], 100 * ms)
        np.testing.assert_array_equal(response.step_counts[0], counts)
        np.testing.assert_allclose(response.potentials, drawn.potentials, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("delay_steps", [0, 1, 3])
def test_synaptic_delay(delay_steps, stimuli, parameters):
    network = make_network(parameters, PATHWAYS["synapses"], delay=delay_steps * 4 * ms)
    response = network.present(stimuli[0], 100 * ms)
    seen = np.repeat(stimuli[:1], 25, axis=0)
    counts = response.step_counts[0].T
    expected, _ = reference.simulate(parameters, seen, counts, 0.2, delay_steps=delay_steps)
    np.testing.assert_allclose(response.potentials[0].T, expected, atol=TOLERANCE, rtol=0)
    other, _ = reference.simulate(parameters, seen, counts, 0.2, delay_steps=delay_steps + 1)
    assert np.abs(other - expected).max() > 0.01


def test_delayed_spikes_do_not_reach_the_next_stimulus(stimuli, parameters):
    """With reset, every stimulus starts from nothing: also from no spikes on their way."""
    network = make_network(parameters, PATHWAYS["synapses"], delay=12 * ms)
    response = network.present(stimuli[:2], 60 * ms)
    assert response.step_counts[0, :, -3:].sum() > 0
    for s in range(2):
        seen = np.repeat(stimuli[s : s + 1], 15, axis=0)
        counts = response.step_counts[s].T
        expected, _ = reference.simulate(parameters, seen, counts, 0.2, delay_steps=3)
        np.testing.assert_allclose(response.potentials[s].T, expected, atol=TOLERANCE, rtol=0)


def test_error_units_hold_the_prediction_error(stimuli, parameters):
    network = make_network(parameters, PATHWAYS["error_units"])
    units = network.circuit.units
    seen = []

    @brian2.network_operation(dt=4 * ms, when="synapses", order=10)
    def look():
        seen.append(np.array(units.prediction_error[:]))

    network.add(look)
    response = network.present(stimuli[0], 100 * ms)
    predicted = response.step_counts[0].T @ parameters.dictionary.T
    np.testing.assert_allclose(np.array(seen), stimuli[0] * 0.2 - predicted, atol=TOLERANCE)
    # Neurons of the predictive-coding circuit see the stimulus only through the errors.
    assert (network.neurons.drive[:] == 0).all()


@pytest.mark.parametrize("name", list(PATHWAYS))
def test_expected_counts_are_the_integral_of_the_rate(name, stimuli):
    parameters = make_parameters(leak=0.1)
    response = make_network(parameters, PATHWAYS[name]).present(stimuli, 80 * ms)
    per_step = np.exp(response.potentials) * 0.2
    expected = per_step.reshape(5, 12, 4, 5).sum(axis=3).transpose(0, 2, 1)
    np.testing.assert_allclose(response.expected_counts, expected, rtol=1e-9)


@pytest.mark.parametrize("engine", ["brian2", "numpy", "numba"])
def test_expected_counts_in_single_precision(engine, stimuli, parameters):
    network = make_network(parameters, {"n_copies": 2, "engine": engine, "precision": "single"})
    response = network.present(stimuli, 400 * ms)
    per_step = np.exp(response.potentials.astype(float)) * 0.2
    expected = per_step.reshape(5, 12, 20, 5).sum(axis=3).transpose(0, 2, 1)
    assert response.potentials.dtype == np.float32
    # BatchSums of up to 100 float32 numbers of this size: 1e-5 is a hundred roundings.
    np.testing.assert_allclose(response.expected_counts, expected, atol=2e-5, rtol=2e-5)


def test_new_dictionary_on_a_running_network(pathway, stimuli):
    """set_parameters reaches everything that a new network would have."""
    network = make_network(make_parameters(), pathway)
    network.present(stimuli[0], 40 * ms)
    network.set_parameters(make_parameters(seed=9))
    response = network.present(stimuli, 60 * ms)
    assert response.parameters.dictionary[0, 0] == make_parameters(seed=9).dictionary[0, 0]
    assert_equals_reference(response)

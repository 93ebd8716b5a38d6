"""The step that is chosen is stable, and runs that diverge are never silent."""

import re
import warnings

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import (
    DivergenceError,
    Parameters,
    SpikingNetwork,
    StabilityWarning,
    available_models,
    load_model,
)
from ipvae_brian.network import stability
from ipvae_brian.network.drive_step import choose_drive_dt
from ipvae_brian.network.loop_gain import Loop, loop_gain, mean_field_rates
from ipvae_brian.network.stability_limit import LARGEST_JUMP, MARGIN, critical_step, margin_of
from ipvae_brian.stimuli import load_stimuli

# Models of patches of images.
SHIPPED = [name for name in available_models() if not name.startswith("digits")]


@pytest.mark.parametrize("gain", [0.5, 5.0, 20.0, 80.0])
def test_chosen_dt_is_a_fraction_of_tau_within_the_margin(gain, stimuli):
    parameters = make_parameters(natural_gradient_step=gain)
    dt = stability.choose_dt(Loop(parameters), 2 * stimuli)
    steps = 20e-3 / dt
    assert steps == pytest.approx(round(steps), abs=1e-9)
    rates = mean_field_rates(parameters, 2 * stimuli)
    rates = [*rates, np.exp(parameters.resting_potential)]
    limit = min(critical_step() * 20e-3 / loop_gain(parameters, r) for r in rates)
    assert dt <= MARGIN * limit * 1.001
    assert dt <= 20e-3 / 20
    network = SpikingNetwork(parameters).build(2 * stimuli)
    assert float(network.dt) == pytest.approx(dt)


def test_a_higher_gain_gets_a_smaller_dt(stimuli):
    chosen = [
        stability.choose_dt(Loop(make_parameters(natural_gradient_step=gain)), 2 * stimuli)
        for gain in (1.0, 20.0, 80.0)
    ]
    assert chosen[0] > chosen[1] > chosen[2]


@pytest.mark.parametrize(("jump", "steps"), [(2.9, 20), (3.6, 125), (5.4, 200), (7.7, 500)])
def test_spikes_that_change_potentials_much_need_a_fine_step(jump, steps):
    """Whatever the loop gain, which a silent population does not have."""
    silent = Parameters(
        dictionary=0.5 * np.eye(6), natural_gradient_step=4 * jump, resting_potential=-6.0
    )
    grey = np.zeros((1, 6))
    assert stability.choose_dt(Loop(silent), grey) == pytest.approx(20e-3 / steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        stability.check_dt(Loop(silent), grey, 20e-3 / steps)
        choose_drive_dt(Loop(silent), grey)
    if jump > LARGEST_JUMP:
        finest = re.escape(f"a dt of {20 / steps:.3g} ms")
        with pytest.warns(StabilityWarning, match=f"potential by {jump:g} .*needs {finest}"):
            stability.check_dt(Loop(silent), grey, 20e-3 / 80)
        with pytest.warns(StabilityWarning, match="above 3 a run may diverge at any dt"):
            stability.check_dt(Loop(silent, delay=2e-3), grey, 20e-3 / steps)


@pytest.mark.filterwarnings("error::ipvae_brian.StabilityWarning")
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_run_at_the_step_that_is_chosen_first(name):
    """Each of these, by itself, diverged at a step that was fine enough for its loop gain."""
    model = load_model(name)
    options = {"n_train": 1000, "n_validation": 20, "progress": False}
    patches = load_stimuli("photographs", shape=(16, 16), **options).validation
    for patch in patches[:3]:
        response = SpikingNetwork(model).present(patch, 8 * model.tau, seed=0, progress=False)
        assert np.isfinite(response.r2()).all()


def test_chosen_dt_does_not_diverge(stimuli):
    parameters = make_parameters(natural_gradient_step=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        response = SpikingNetwork(parameters, n_copies=5).present(stimuli, 400 * ms, seed=1)
    assert np.isfinite(response.expected_counts).all()


def test_no_stable_dt_says_why(stimuli):
    with pytest.raises(ValueError, match="no stable time step.*dt < .* ms.*z-score"):
        SpikingNetwork(make_parameters(natural_gradient_step=1e5)).build(stimuli)


@pytest.mark.parametrize(
    ("used", "words"), [(0.8, "only marginally stable"), (1.6, "expected to diverge")]
)
@pytest.mark.parametrize("delay_steps", [0, 3])
def test_warning_has_the_numbers_and_points_at_the_user(used, words, delay_steps, stimuli):
    # With one step size for all neurons the loop gain is proportional to it.
    plain = make_parameters(natural_gradient_step=1.0)
    rates = mean_field_rates(plain, stimuli)
    gain = max(loop_gain(plain, r) for r in rates)
    eta = used * critical_step(delay_steps) * 10 / gain
    delay = delay_steps * 2 * ms if delay_steps else None
    network = SpikingNetwork(make_parameters(natural_gradient_step=eta), dt=2 * ms, delay=delay)
    with pytest.warns(StabilityWarning) as caught:
        network.present(stimuli, 2 * ms)
    ours = [w for w in caught if w.category is StabilityWarning]
    # At this step size one spike's jump is warned of, too, if it is large.
    (warning,) = (w for w in ours if str(w.message).startswith("dt"))
    assert all(w.filename == __file__ for w in ours)
    message = str(warning.message)
    assert message.startswith("dt = 2 ms with a delay of 6 ms is" if delay else "dt = 2 ms is")
    assert words in message
    assert f"it uses {used:.2f} of the stability limit" in message
    assert f"up to {margin_of(Loop(network.parameters))} is safe" in message
    assert warning.filename == __file__


def test_chosen_dt_knows_of_the_delay(stimuli):
    parameters = make_parameters(natural_gradient_step=2.0)
    assert stability.choose_dt(Loop(parameters), stimuli) > 0
    with pytest.raises(ValueError, match="or a delay below .* ms at tau"):
        stability.choose_dt(Loop(parameters, delay=40e-3), stimuli)


def test_safe_dt_does_not_warn(parameters, stimuli):
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        SpikingNetwork(parameters, dt=1 * ms).present(stimuli, 20 * ms)


DIVERGING = [
    {"pathway": "synapses"},
    {"pathway": "error_units"},
    {"engine": "brian2", "n_copies": 5},
    {"engine": "numpy", "n_copies": 5},
    {"engine": "numba", "n_copies": 5},
]


@pytest.mark.parametrize("options", DIVERGING, ids=lambda o: o.get("engine") or o["pathway"])
@pytest.mark.filterwarnings("ignore::ipvae_brian.StabilityWarning")
def test_divergence_is_an_error_with_the_numbers(options):
    """Gain 1 at dt = tau with spikes that carry much: the discrete update runs away."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(5, 64))
    parameters = make_parameters(
        64, 128, scale=0.125, threshold=0.1, natural_gradient_step=1.0, resting_potential=-2.0
    )
    network = SpikingNetwork(parameters, dt=20 * ms, **options)
    with pytest.raises(DivergenceError) as error:
        network.present(x, 1000 * ms, seed=1)
    message = str(error.value)
    numbers = re.search(
        r"for (\d) of \d stimuli, first number (\d): up to (\d+) spikes of one neuron and (\d+) "
        r"of all in a window of tau = 20 ms, at dt = 20 ms; use dt=(\S+)\*ms.*or a smaller "
        r"natural_gradient_step",
        message,
    )
    assert numbers, message
    assert int(numbers[4]) >= int(numbers[3]) > 20
    # What is advised is right.
    better = SpikingNetwork(parameters, dt=float(numbers[5]) * ms, **options)
    assert better.present(x, 200 * ms, seed=1).counts.shape == (5, 10, 128)


@pytest.mark.filterwarnings("ignore::ipvae_brian.StabilityWarning")
def test_divergence_names_the_stimulus():
    """Waves of one copy: the calm stimuli before are counted."""
    parameters = make_parameters(
        scale=0.5, natural_gradient_step=1.0, threshold=1.0, resting_potential=-7.0
    )
    x = np.zeros((4, 16))
    x[2] = 10 * np.random.default_rng(0).normal(size=16)
    network = SpikingNetwork(parameters, dt=20 * ms)
    with pytest.raises(DivergenceError, match="first number 2"):
        network.present(x, 200 * ms, seed=1)


@pytest.mark.parametrize("delay_ms", [0.4, 0.5, 1.5, 2.5])
def test_the_chosen_step_divides_the_delay(delay_ms, stimuli):
    """Each of these used to be rounded to another number of steps, or to none."""
    network = SpikingNetwork(make_parameters(), delay=delay_ms * ms).build(stimuli)
    steps = delay_ms / float(network.dt / ms)
    assert round(steps) >= 1
    assert steps == pytest.approx(round(steps))
    assert len(network.circuit.axons) == round(steps) * 12


def test_a_delay_that_no_step_divides_is_refused(stimuli):
    with pytest.raises(ValueError, match=r"no dt = tau / n .* divides 1.2345 ms .* 1.24 ms"):
        SpikingNetwork(make_parameters(), delay=1.2345 * ms).build(stimuli)
    with pytest.raises(ValueError, match="delay must be a whole number of time steps of 4 ms"):
        SpikingNetwork(make_parameters(), delay=2 * ms, dt=4 * ms)


def test_a_strong_leak_needs_a_fine_step(stimuli):
    """At dt = tau/20 a leak of 40 overshoots in every step."""
    calm = make_parameters(natural_gradient_step=0.1)
    leaky = calm.replace(leak=40.0)
    assert stability.choose_dt(Loop(calm), stimuli) == pytest.approx(20e-3 / 20)
    assert stability.choose_dt(Loop(leaky), stimuli) == pytest.approx(20e-3 / 100)
    with pytest.warns(StabilityWarning, match=r"is expected to diverge: it uses 1.\d\d of"):
        SpikingNetwork(leaky, dt=1 * ms).present(stimuli, 2 * ms)


@pytest.mark.parametrize("n_copies", [1, 5])
def test_potentials_of_the_users_own_are_warned_of(stimuli, n_copies):
    """Where they are carried over; what begins at rest forgets them."""
    options = {"n_copies": n_copies, "engine": "brian2" if n_copies == 1 else "numba"}
    network = SpikingNetwork(make_parameters(natural_gradient_step=2.0), dt=1 * ms, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        network.present(stimuli, 20 * ms, seed=1)
        network.neurons.u = 5.0
        network.present(stimuli, 20 * ms, seed=1)
    network.neurons.u = 5.0
    with pytest.warns(StabilityWarning, match="limit for the present potentials.*use dt="):
        network.present(stimuli, 1 * ms, seed=1, reset=False)

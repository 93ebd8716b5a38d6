"""C++ standalone, in processes of their own: the same steps, state handed on, helpful errors."""

import json
import shutil
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
import reference
from helpers import make_parameters

from ipvae_brian import Response
from ipvae_brian.recordings.spikes import Spikes
from ipvae_brian.recordings.timing import Timing

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")

PROGRAM = """
import json, sys
import brian2, numpy as np
from brian2 import ms
folder, tests, pathway = sys.argv[1:]
brian2.set_device("cpp_standalone", build_on_run=False, directory=folder + "/program")
sys.path.insert(0, tests)
from helpers import make_parameters
from ipvae_brian import SpikingNetwork

parameters = make_parameters(
    leak=0.2, noise_variance=1.5, half_threshold_rate=0.7, threshold_memory=1.6
)
stimuli = np.load(folder + "/stimuli.npy")
network = SpikingNetwork(parameters, pathway=pathway, dt=4 * ms, record_potentials=range(12))
arrays, errors = {}, {}

def keep(name, response):
    for part in ("frames", "counts", "expected_counts", "potentials", "step_counts"):
        arrays[f"{name}.{part}"] = getattr(response, part)
    arrays[f"{name}.frame_steps"] = np.array(response.timing.frame_steps)
    for part, values in response.spikes._asdict().items():
        arrays[f"{name}.spikes.{part}"] = values

def error_of(name, function, *args, **options):
    try:
        function(*args, **options)
    except Exception as error:
        errors[name] = f"{type(error).__name__}: {error}"
    else:
        errors[name] = "none"

"""

SYNAPSES = """
keep("one", network.present(stimuli[0], 60 * ms))
keep("again", network.present(stimuli[0], 60 * ms))
keep("two", network.present(stimuli[:2], 60 * ms))
keep("carried", network.present(stimuli[1], 60 * ms, reset=False))
keep("movie", network.present_movie(stimuli[:3], 60 * ms))
keep("reset_frames", network.present_movie(stimuli[:2], 60 * ms, reset_frames=True))
error_of("seed", network.present, stimuli[:2], 60 * ms, seed=1)
error_of("seed_later", network.present, stimuli[0], 60 * ms, seed=1)
error_of("duration", network.present, stimuli[0], 40 * ms)
error_of("durations", network.present_movie, stimuli[:2], [60 * ms, 40 * ms])
error_of("copies", SpikingNetwork, parameters, n_copies=2)
error_of("target", SpikingNetwork, parameters, target="numpy")
error_of("numpy", SpikingNetwork, parameters, engine="numpy")
error_of("stimuli", network.present, stimuli[:, :3], 60 * ms)
brian2.device.reinit()
brian2.set_device("cpp_standalone", build_on_run=False, directory=folder + "/alone")
from ipvae_brian import Noise
noise = Noise(
    pixel=0.3, drive=0.5, gain=0.2, shared_gain=0.4, semisaturation=0.5, time_constant=120 * ms
)
network = SpikingNetwork(
    parameters,
    pathway=pathway,
    dt=4 * ms,
    record_potentials=range(12),
    lateral="self",
    noise=noise,
)
drives = brian2.StateMonitor(
    network.neurons, "noisy_drive", record=True, when="groups", order=5, clock=network.clock
)
network.add(drives)
for name, reset in (("alone", True), ("further", False)):
    keep(name, network.present(stimuli[0], 60 * ms, reset=reset))
    arrays[f"drives of {name}"] = np.array(drives.noisy_drive)
arrays["share"] = np.array(network.circuit.noise_units.trials.pixel_share)
"""

ERROR_UNITS = """
keep("seeded", network.present(stimuli[0], 72 * ms, seed=3))
keep("same_seed", network.present(stimuli[0], 72 * ms, seed=3))
error_of("other_seed", network.present, stimuli[0], 72 * ms, seed=4)
error_of("no_seed", network.present, stimuli[0], 72 * ms)
error_of("several", network.present, stimuli[:2], 72 * ms, seed=3)
"""


def run(folder, pathway, commands, stimuli):
    np.save(folder / "stimuli.npy", stimuli)
    ending = """
        np.savez(folder + "/arrays.npz", **arrays)
        with open(folder + "/errors.json", "w") as file:
            json.dump(errors, file)
    """
    script = folder / "script.py"
    script.write_text(PROGRAM + commands + textwrap.dedent(ending))
    tests = str(reference.__file__).rsplit("/", 1)[0]
    done = subprocess.run(
        [sys.executable, str(script), str(folder), tests, pathway],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    arrays = dict(np.load(folder / "arrays.npz"))
    errors = json.loads((folder / "errors.json").read_text())
    return SimpleNamespace(arrays=arrays, errors=errors, log=done.stderr, folder=folder)


@pytest.fixture(scope="module")
def synapses(tmp_path_factory, stimuli):
    return run(tmp_path_factory.mktemp("synapses"), "synapses", SYNAPSES, stimuli)


@pytest.fixture(scope="module")
def error_units(tmp_path_factory, stimuli):
    return run(tmp_path_factory.mktemp("error_units"), "error_units", ERROR_UNITS, stimuli)


def response_of(process, name):
    """The response that the process had, made anew from its arrays."""
    parts = {
        key.removeprefix(f"{name}."): value
        for key, value in process.arrays.items()
        if key.startswith(f"{name}.")
    }
    steps = tuple(parts["frame_steps"])
    return Response(
        make_parameters(
            leak=0.2, noise_variance=1.5, half_threshold_rate=0.7, threshold_memory=1.6
        ),
        parts["frames"],
        Timing(4e-3, int(sum(steps)), 5, 20e-3, steps),
        parts["counts"],
        parts["expected_counts"],
        spikes=Spikes(*(parts[f"spikes.{name}"] for name in Spikes._fields)),
        recorded_neurons=tuple(range(12)),
        potentials=parts["potentials"],
        step_counts=parts["step_counts"],
    )


def assert_consistent(response, **options):
    """Potentials are the reference's; counts, rates and spikes are those of the steps."""
    expected, end = reference.of_response(response, **options)
    np.testing.assert_allclose(response.potentials, expected, atol=1e-10, rtol=0)
    n_windows = response.timing.n_windows
    whole = slice(0, n_windows * 5)
    shape = (response.n_stimuli, 12, n_windows, 5)
    counts = response.step_counts[:, :, whole].reshape(shape).sum(axis=3).transpose(0, 2, 1)
    np.testing.assert_array_equal(response.counts, counts)
    rates = np.exp(response.potentials[:, :, whole]).reshape(shape).sum(axis=3) * 0.2
    np.testing.assert_allclose(response.expected_counts, rates.transpose(0, 2, 1), rtol=1e-10)
    spikes, from_spikes = response.spikes, np.zeros_like(response.step_counts)
    step = np.round(spikes.time / 4e-3).astype(int)
    from_spikes[spikes.trial, spikes.neuron, step] = spikes.count
    np.testing.assert_array_equal(from_spikes, response.step_counts)
    assert response.step_counts.sum() > 10
    return end


@pytest.mark.parametrize("name", ["one", "two"])
def test_stimuli(synapses, name):
    assert_consistent(response_of(synapses, name))


@pytest.mark.parametrize("name", ["seeded"])
def test_error_units_and_an_incomplete_window(error_units, name):
    response = response_of(error_units, name)
    assert response.counts.shape == (1, 3, 12)
    assert response.potentials.shape == (1, 12, 18)
    assert_consistent(response)


def test_spikes_may_inhibit_their_own_neuron_only(synapses):
    """With noise, which goes on where the state does: its gain, too."""
    names = "alone", "further"
    responses, drives = [response_of(synapses, name) for name in names], []
    for name in names:
        drives.append(synapses.arrays[f"drives of {name}"].T)
    clean = responses[0].parameters.drive(responses[0].frames[0])
    for one in drives:
        assert np.abs(one - clean).mean() > 0.1
        assert (np.ptp(one, axis=0) > 0).all()
    share = 1 / np.sqrt(1 + np.mean(responses[0].frames[0] ** 2) / 0.5**2)
    np.testing.assert_allclose(synapses.arrays["share"], share)
    # A time constant of 120 ms leaves most of the noise from one step to the next.
    jump = np.abs(drives[1][0] - drives[0][-1]).mean()
    assert jump < 2 * np.abs(np.diff(drives[0], axis=0)).mean() + 0.1
    expected, _ = reference.simulate(
        responses[0].parameters,
        np.repeat(responses[0].frames[0], 30, axis=0),
        np.concatenate([r.step_counts[0].T for r in responses]),
        0.2,
        lateral="self",
        drives=np.concatenate(drives),
    )
    found = np.concatenate([r.potentials[0].T for r in responses])
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_movie_goes_on_between_frames(synapses):
    response = response_of(synapses, "movie")
    assert response.counts.shape == (1, 9, 12)
    assert_consistent(response)


def test_frames_may_begin_at_rest(synapses):
    assert_consistent(response_of(synapses, "reset_frames"), reset_frames=True)


def test_state_is_kept_from_one_presentation_to_the_next(synapses):
    end = assert_consistent(response_of(synapses, "two"))
    assert_consistent(response_of(synapses, "carried"), start=end[-1:], carry_over=True)


def test_every_frame_has_random_numbers_of_its_own(synapses):
    one, again = response_of(synapses, "one"), response_of(synapses, "again")
    assert not np.array_equal(one.step_counts, again.step_counts)


def test_program_is_where_the_user_wanted_it(synapses):
    assert (synapses.folder / "program" / "main.cpp").exists()
    assert not (synapses.folder / "output").exists()


def test_same_seed_same_spikes(error_units):
    first, again = (response_of(error_units, n) for n in ("seeded", "same_seed"))
    np.testing.assert_array_equal(first.step_counts, again.step_counts)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("seed", "ValueError: seed is compiled into a standalone program"),
        ("seed_later", "ValueError: seed is compiled into the standalone program"),
        ("duration", "ValueError: duration must be that of the compiled program, 15 time steps"),
        ("durations", "ValueError: duration must be that of the compiled program"),
        ("copies", "ValueError: n_copies must be 1 in C++ standalone mode, got 2"),
        ("target", "ValueError: target must be None in C++ standalone mode"),
        ("numpy", "ValueError: engine must be 'brian2' in C++ standalone mode, got 'numpy'"),
        ("stimuli", "ValueError: stimuli must have shape"),
    ],
)
def test_errors_say_what_does_not_work(synapses, name, match):
    assert synapses.errors[name].startswith(match)


@pytest.mark.parametrize("name", ["other_seed", "no_seed", "several"])
def test_a_compiled_seed_is_never_silently_used_again(error_units, name):
    assert error_units.errors[name].startswith("ValueError: seed is compiled into")

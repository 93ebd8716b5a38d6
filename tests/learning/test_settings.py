"""The one list of training settings, and all that has to agree with it."""

import inspect
import re
import subprocess
import sys
from dataclasses import asdict, fields

import pytest
from brian2.only import ms, second

from ipvae_brian import IPVAE, FileFormatError, Parameters
from ipvae_brian.learning.settings import (
    TRAINING_SETTINGS,
    TrainingSettings,
    arguments_from,
    checked_settings,
)

# What is no number or flag of a training: which files, which figures, how it is shown.
OTHER_ARGUMENTS = {"stimulus_shape", "checkpoint", "progress"}


def signature():
    found = inspect.signature(IPVAE.__init__).parameters
    return {name: p.default for name, p in found.items() if name != "self"}


def documented():
    """Of every parameter in the docstring of `IPVAE`, its type and default as they are written."""
    section = re.search(r"Parameters\n\s+-+\n(.*?)\n\s*Attributes\n", IPVAE.__doc__, re.S)[1]
    return dict(re.findall(r"^ {4}(\w+) : (.*)$", section, re.M))


def test_signature_and_settings_agree():
    defaults = {s.name: s.default for s in TRAINING_SETTINGS}
    # A quantity as a default would not survive scikit-learn's cloning; 20*ms stands for it.
    assert signature()["tau"] is None
    assert defaults.pop("tau") * second == 20 * ms
    assert {n: v for n, v in signature().items() if n in defaults} == defaults
    assert set(signature()) == set(defaults) | {"tau"} | OTHER_ARGUMENTS
    given = checked_settings({k: v for k, v in signature().items() if k not in OTHER_ARGUMENTS})
    assert given == TrainingSettings()


def test_docstring_and_settings_agree():
    told = documented()
    assert list(told) == list(signature())
    for setting in TRAINING_SETTINGS:
        text = told[setting.name]
        if setting.default is None or setting.unit:
            assert "optional" in text or "default None" in text, setting.name
            continue
        kind, _, default = text.partition(", default ")
        assert kind == setting.kind.__name__, setting.name
        assert default == (str(setting.default) if setting.kind is bool else f"{setting.default:g}")


def test_every_setting_is_told_in_a_line():
    for setting in TRAINING_SETTINGS:
        assert 10 < len(setting.help) < 80, setting.name
        assert setting.help[0].islower() or setting.help.split()[0].isupper()


def test_the_list_is_there_before_anything_heavy():
    """The command line makes its help of it."""
    code = (
        "import sys; from ipvae_brian.learning.settings import TRAINING_SETTINGS as t; "
        "print(len(t), [m for m in ('numpy', 'scipy', 'brian2', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(" ", 1) == [str(len(TRAINING_SETTINGS)), "[]\n"]


@pytest.mark.parametrize(
    ("name", "good", "plain"),
    [("tau", 10 * ms, 0.01), ("n_epochs", 3, 3), ("ridge", 1, 1.0), ("learn_prior", True, True)],
)
def test_values_become_plain(name, good, plain):
    setting = next(s for s in TRAINING_SETTINGS if s.name == name)
    value = setting.check(good)
    assert (value, type(value)) == (plain, setting.kind)


def test_flags_are_no_numbers():
    for name in ("learn_prior", "standardise"):
        with pytest.raises(TypeError, match=f"^{name} must be True or False, got 1"):
            checked_settings({name: 1})


@pytest.mark.parametrize(
    ("batch_size", "chunk_size"), [(1, 1), (200, 200), (500, 500), (501, 251), (1200, 400)]
)
def test_chunks_are_even_parts_of_a_batch(batch_size, chunk_size):
    assert TrainingSettings(batch_size=batch_size).chunk_size == chunk_size


@pytest.mark.parametrize(
    ("n_stimuli", "batch_size", "n_epochs"),
    [
        (50_000, 200, 10),  # the photographs: 500,000 stimuli in 2,500 batches
        (50_000, 10_000, 10),  # in larger batches not more of them
        (60_000, 200, 9),
        (500_000, 200, 1),
        (10**7, 200, 1),
        (2000, 200, 250),
        (20, 200, 2500),  # in small batches not for ever
        (1000, 10, 25),
        (None, 200, 1),  # a stream
    ],
)
def test_passes_over_the_stimuli_that_are_enough(n_stimuli, batch_size, n_epochs):
    settings = TrainingSettings(batch_size=batch_size)
    assert settings.with_epochs(n_stimuli).n_epochs == n_epochs
    assert TrainingSettings(n_epochs=3).with_epochs(n_stimuli).n_epochs == 3


# Settings that come from a file


def model_file(path, settings):
    provenance = {"settings": settings}
    Parameters(dictionary=[[1.0, 0.0], [0.0, 1.0]], tau=10 * ms, provenance=provenance).save(path)
    return path


def test_a_model_file_tells_how_it_was_trained(tmp_path):
    settings = asdict(TrainingSettings(gain=5.0, batch_size=50, standardise=False, seed=2**70))
    model = IPVAE.load(model_file(tmp_path / "m.npz", settings))
    told = model.get_params()
    assert (told["gain"], told["batch_size"], told["standardise"]) == (5.0, 50, False)
    assert (told["random_state"], told["tau"], told["n_neurons"]) == (2**70, 10 * ms, 2)


def test_a_model_file_decides_nothing_else(tmp_path):
    """Neither files that are written, nor processes, nor what is run."""
    others = {
        "checkpoint": str(tmp_path / "stolen.npz"),
        "checkpoint_every": 1,
        "n_jobs": 64,
        "progress": True,
        "engine": "none such",
        "stimulus_shape": [1, 2],
        "n_neurons": 10**9,
        "__class__": "x",
    }
    model = IPVAE.load(model_file(tmp_path / "m.npz", others))
    plain = IPVAE(2, tau=10 * ms, stimulus_shape=(2,)).get_params()
    assert model.get_params() == plain


@pytest.mark.parametrize(
    ("name", "value"),
    [("gain", "high"), ("batch_size", 0), ("ridge", None), ("standardise", [1]), ("seed", -1)],
)
def test_settings_of_a_file_are_checked(tmp_path, name, value):
    path = model_file(tmp_path / "m.npz", {name: value})
    told = "random_state" if name == "seed" else name
    with pytest.raises(FileFormatError, match=f"m.npz: field 'provenance': settings: {told} must"):
        IPVAE.load(path)
    with pytest.raises((TypeError, ValueError), match=told):
        arguments_from({name: value})


def test_every_field_has_one_setting():
    assert len(TRAINING_SETTINGS) == len(fields(TrainingSettings)) + 2

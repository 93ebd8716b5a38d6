"""A subject runs each experiment once, and tells what went wrong in it."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Parameters, SpikingNetwork, StabilityWarning
from ipvae_brian.physiology.experiments import Subject


@pytest.fixture(scope="module")
def subject(gabor_model):
    return Subject(gabor_model, quick=True)


def test_an_experiment_runs_once(subject):
    first = subject.recording("gratings_by_contrast")
    assert subject.recording("gratings_by_contrast") is first
    assert subject.recording("gratings").n_trials * 2 == first.n_trials
    assert set(subject.shown) == {"gratings_by_contrast"} | set(subject.shown)
    assert subject.time_step("gratings").passed


def test_what_cannot_be_shown_says_why_each_time(gabor_model):
    bare = Subject(gabor_model.replace(front_end=None), quick=True)
    for _ in range(2):
        with pytest.raises(ValueError, match="no front end"):
            bare.recording("natural_images")
    flat = Subject(Parameters(dictionary=np.eye(4), stimulus_shape=(4,)), quick=True)
    with pytest.raises(ValueError, match=r"no images, but of shape \(4,\)"):
        flat.recording("gratings")


def test_warnings_that_no_gate_tells_of_are_passed_on(gabor_model, monkeypatch):
    def presented(self, session, **options):
        warnings.warn("dt is coarse", StabilityWarning, stacklevel=2)
        warnings.warn("overflow", RuntimeWarning, stacklevel=2)

    monkeypatch.setattr(SpikingNetwork, "present_session", presented)
    own = Subject(gabor_model, quick=True)
    session = SimpleNamespace(n_trials=1, n_stimuli=1, trial_duration=20 * ms)
    with pytest.warns(RuntimeWarning, match="overflow") as caught:
        own.run("own", "Something", session)
    assert [str(w.message) for w in caught] == ["overflow"]
    assert not own.time_step("own").passed

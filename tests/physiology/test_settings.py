import pytest
from brian2 import ms

from ipvae_brian import Noise, Parameters
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.preset import SETTINGS
from ipvae_brian.physiology.settings import described, of_preset, reconstruction


def test_settings_are_told_by_name(gabor_model):
    told = described(Subject(gabor_model))
    assert told["gain"] == pytest.approx(6)
    assert told["sparsity"] == pytest.approx(0.25)
    assert (told["tau_ms"], told["leak"], told["noise.shared_gain"]) == (20, 0, 0)
    preset = described(of_preset(gabor_model))
    wanted = {one.name: one.value for one in SETTINGS}
    assert preset["leak"] == wanted["leak"] and preset["noise.shared_gain"] > 0.2
    assert preset["tau_ms"] == pytest.approx(float(wanted["tau"] / ms)) and preset["pools"]
    assert preset["gain"] == pytest.approx(wanted["gain"])


def test_reconstruction_of_photographs(gabor_model):
    r2 = reconstruction(Subject(gabor_model, quick=True, progress=False))
    # 32 columns for 144 pixels.
    assert 0.05 < r2 < 0.7
    # A gain of the whole trial is no error of the code.
    noisy = Subject(gabor_model, noise=Noise(shared_gain=0.5), quick=True, progress=False)
    assert reconstruction(noisy) == r2
    flat = Parameters(dictionary=[[1.0]] * 4, stimulus_shape=(4,))
    assert reconstruction(Subject(flat)) is None

import pytest

from ipvae_brian import Parameters
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.settings import described, of_preset, reconstruction


def test_settings_are_told_by_name(gabor_model):
    told = described(Subject(gabor_model))
    assert told["gain"] == pytest.approx(6)
    assert told["sparsity"] == pytest.approx(0.25)
    assert (told["tau_ms"], told["leak"], told["noise.shared_gain"]) == (20, 0, 0)
    preset = described(of_preset(gabor_model))
    assert preset["tau_ms"] == 50 and preset["leak"] > 0 and preset["noise.shared_gain"] > 0
    assert preset["gain"] == pytest.approx(6)


def test_reconstruction_of_photographs(gabor_model):
    r2 = reconstruction(Subject(gabor_model, quick=True, progress=False))
    # 32 columns for 144 pixels.
    assert 0.05 < r2 < 0.7
    flat = Parameters(dictionary=[[1.0]] * 4, stimulus_shape=(4,))
    assert reconstruction(Subject(flat)) is None

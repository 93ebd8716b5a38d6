"""What several subcommands share: held-out patches, time steps, folders, the line of figures."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from brian2.only import ms
from helpers import make_parameters

from ipvae_brian.cli.steps import check_files, folder_for, held_out, load, summary, time_step
from ipvae_brian.stimuli import load_stimuli


def test_held_out_patches_are_those_of_the_file(patches):
    p, all_of_them = make_parameters(36), load_stimuli(patches).validation
    assert len(all_of_them) == 200
    shown = held_out(p, str(patches))  # all of them, in an order of their own
    np.testing.assert_array_equal(np.sort(shown, axis=0), np.sort(all_of_them, axis=0))
    np.testing.assert_array_equal(held_out(p, str(patches), 50), load(str(patches), 50).validation)
    assert len(load(str(patches), 50, 300).train) == 300
    with pytest.raises(ValueError, match=r"--data: patches of \(6, 6\) pixels do not fit"):
        held_out(make_parameters(16), str(patches))


def test_time_step():
    p = make_parameters(tau=20 * ms)
    assert time_step(Namespace(dt_ms=None), p) is None
    assert float(time_step(Namespace(dt_ms=20.0), p)) == pytest.approx(0.02)
    with pytest.raises(ValueError, match=r"^--dt-ms must be at most tau, 20. ms, got 20.5$"):
        time_step(Namespace(dt_ms=20.5), p)


def test_folder_is_made_unless_it_is_a_file(tmp_path):
    assert folder_for(tmp_path / "a" / "b").is_dir()
    assert folder_for(tmp_path) == tmp_path
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="^--out must be a folder, .*file is a file$"):
        folder_for(tmp_path / "file")


def test_outputs_must_not_be_inputs(tmp_path):
    mine = tmp_path / "mine.npz"
    options = Namespace(json=None, data=mine, model="photographs-512")
    check_files(options, {"--out": tmp_path / "other.npz"})
    with pytest.raises(ValueError, match="--out and --data must be different files"):
        check_files(options, {"--out": mine})
    with pytest.raises(ValueError, match="--json and the model must be different files"):
        check_files(Namespace(json=mine, data="photographs", model=mine))
    check_files(Namespace(json=Path(tmp_path / "figures.json")))


def test_models_that_say_so_take_the_values_of_the_file(tmp_path):
    """On their own scale, not z-scored as those of natural patches."""
    digits = np.random.default_rng(0).integers(0, 256, (30, 4, 4), np.uint8)
    np.savez(tmp_path / "digits.npz", x_train=digits[:20], x_test=digits[20:])
    p = make_parameters(16).replace(stimulus_scale=255, provenance={"values_as_stored": True})
    shown = held_out(p, str(tmp_path / "digits.npz"))
    expected = digits[20:].reshape(10, 16) / 255
    np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(expected, axis=0), atol=1e-6)
    z_scored = held_out(p.replace(provenance={}), str(tmp_path / "digits.npz"))
    assert z_scored.min() < 0


def test_line_of_figures():
    figures = {"r2": 0.84649, "r2_expected_counts": 0.9, "zeros": 0.7, "distance": 0.25}
    assert summary(figures | {"spikes_per_tau": 289.6}) == (
        "R2 0.846 (expected counts 0.900), zeros 0.700, distance 0.250, 290 spikes per tau"
    )

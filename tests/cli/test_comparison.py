"""The subcommand `ipvae compare`."""

import json

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Recording
from ipvae_brian.cli.main import main


@pytest.fixture
def recording(tmp_path):
    rng = np.random.default_rng(0)
    rates = 1 + 8 * np.array([1, 0.2, 0, 0.2])[None, :, None] * np.ones((12, 1, 30))
    path = tmp_path / "own.npz"
    counts = rng.poisson(rates)
    Recording.from_counts(counts, {"orientation": [0, 45, 90, 135]}, 200 * ms).save(path)
    return path


@pytest.mark.slow
def test_compare_writes_a_report(model, recording, tmp_path, capsys):
    out, figures = tmp_path / "report", tmp_path / "figures.json"
    words = ["compare", str(model), "--recording", str(recording), "--out", str(out), "--quick"]
    assert main([*words, "--json", str(figures), "--quiet"]) == 0
    told = json.loads((out / "report.json").read_text())
    page = (out / "report.html").read_text("utf-8")
    assert all(f'id="property-{one["name"]}"' in page for one in told["properties"])
    assert str(tmp_path) not in page
    assert told == json.loads(figures.read_text())
    assert told["about"]["quick"] is True
    # Nothing of this machine.
    command = "ipvae compare edges-24.npz --out report --recording own.npz --quick"
    assert told["about"]["command"] == command
    assert str(tmp_path) not in (out / "report.json").read_text()
    own = [one["name"] for one in told["properties"] if any(b["recording"] for b in one["biology"])]
    assert {"circular_variance", "fano_factor"} <= set(own)
    printed = capsys.readouterr().out
    assert f"{told['figures']['n_agree_preset']} with the preset" in printed
    assert f"own.npz: {len(own)} properties of 12 units in 120 trials" in printed


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--vary", "gian"], "vary: setting must be one of"),
        (["--recording", "missing.npz"], "missing.npz"),
        (["--seed", "-1"], "must be a whole number >= 0"),
    ],
)
def test_wrong_options_end_before_the_work(model, tmp_path, capsys, words, error):
    try:
        status = main(["compare", str(model), "--out", str(tmp_path / "out"), *words])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert error in capsys.readouterr().err


def test_a_file_that_does_not_say_enough_has_a_way_in(model, tmp_path, capsys):
    path = tmp_path / "data.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    words = ["compare", str(model), "--out", str(tmp_path / "out"), "--recording", str(path)]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "data.mat: no recording" in error
    assert "load_recording in Python; the file that the recording's save writes" in error


def test_the_folder_is_needed(model, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(model)])
    assert "--out" in capsys.readouterr().err

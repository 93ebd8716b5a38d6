"""The subcommand `ipvae compare`."""

import json

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Recording
from ipvae_brian.cli import comparison
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
    assert "trials= and columns= are --trials and --columns here" in error
    assert "load_recording, read it in Python, and give the file that the recording's save" in error


def test_tables_and_columns_of_recordings_have_names_of_their_own(model, tmp_path, monkeypatch):
    spikes, table = tmp_path / "spikes.csv", tmp_path / "shown.csv"
    spikes.write_text("unit,time\n3,0.52\n8,1.71\n")
    table.write_text("start_time,stop_time,ori,c\n0.5,0.9,45,1\n1.5,1.9,90,0.1\n")
    found = {}

    def compared(model, recordings, **options):
        found.update(recordings, command=options["command"])
        raise ValueError("seen")

    monkeypatch.setattr(comparison, "compare_model", compared)
    words = ["compare", str(model), "--out", str(tmp_path / "out"), "--recording", str(spikes)]
    pairs = "orientation=ori, contrast=c"
    assert main([*words, "--trials", str(table), "--columns", pairs]) == 2
    conditions = found["spikes.csv"].conditions
    assert conditions["orientation"].tolist() == [45, 90]
    assert conditions["contrast"].tolist() == [1, 0.1]
    told = "--recording spikes.csv --trials shown.csv --columns orientation=ori,contrast=c"
    assert found["command"] == f"ipvae compare edges-24.npz --out out {told}"


@pytest.mark.parametrize("pairs", ["ori", "=ori", "orientation=", "a=b=c", ","])
def test_columns_are_pairs_of_names(model, tmp_path, capsys, pairs):
    words = ["compare", str(model), "--out", str(tmp_path / "out"), "--columns", pairs]
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "pairs such as orientation=ori,contrast=c" in capsys.readouterr().err


def test_columns_without_a_recording_are_refused(model, tmp_path, capsys):
    words = ["compare", str(model), "--out", str(tmp_path / "out"), "--trials", "gratings"]
    assert main(words) == 2
    assert "give --recording, too" in capsys.readouterr().err


def test_the_folder_is_needed(model, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(model)])
    assert "--out" in capsys.readouterr().err

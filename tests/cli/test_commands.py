"""The subcommands of `ipvae`: their figures and files."""

import json

import numpy as np
import pytest

from ipvae_brian import Parameters, Response, available_models, load_model
from ipvae_brian.cli.main import main
from ipvae_brian.physiology import fit_columns


def test_train_writes_model_card_and_figures(model, patches):
    parameters = Parameters.load(model)
    figures = json.loads(model.with_suffix(".json").read_text())
    assert parameters.stimulus_shape == (6, 6)
    assert parameters.n_neurons == 24
    assert parameters.provenance["figures"]["r2"] == figures["r2"] > 0.4
    card = model.with_suffix(".md").read_text()
    assert f"{figures['distance']:.3f}" in card
    assert "ipvae train --data edges.npz" in card
    assert str(patches.parent) not in card  # no folder of this machine
    assert not list(model.parent.glob("*checkpoint*"))


def test_evaluate_reproduces_the_figures_of_the_card(model, patches, tmp_path, capsys):
    out = tmp_path / "figures.json"
    arguments = ["evaluate", str(model), "--data", str(patches), "--n-stimuli", "100"]
    assert main([*arguments, "--json", str(out), "--quiet"]) == 0
    figures = json.loads(out.read_text())
    stored = Parameters.load(model).provenance["figures"]
    for name in ("r2", "r2_expected_counts", "zeros", "distance", "spikes_per_tau"):
        assert figures[name] == pytest.approx(stored[name], rel=1e-6)
    assert figures["distance"] == pytest.approx(
        np.hypot(1 - figures["r2"], 1 - figures["zeros"]), rel=1e-9
    )
    assert len(figures["convergence"]["r2"]) == figures["windows"]
    assert f"{figures['r2']:.3f}" in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_give_the_same(model, patches, tmp_path):
    path, out = tmp_path / "edges-24.npz", tmp_path / "figures.json"
    two = ["--data", str(patches), "--n-jobs", "2", "--quiet"]
    assert main(["train", *two, "--out", str(path), "--n-neurons", "24", "--n-epochs", "1"]) == 0
    dictionary = Parameters.load(path).dictionary
    np.testing.assert_array_equal(dictionary, Parameters.load(model).dictionary)
    assert main(["evaluate", str(path), *two, "--n-stimuli", "100", "--json", str(out)]) == 0
    figures = json.loads(model.with_suffix(".json").read_text())
    assert json.loads(out.read_text())["r2"] == pytest.approx(figures["r2"], rel=1e-6)


def test_evaluate_ends_early(model, patches, tmp_path, capsys):
    out = tmp_path / "figures.json"
    arguments = ["evaluate", str(model), "--data", str(patches), "--n-stimuli", "50", "--quiet"]
    assert main([*arguments, "--until", "0.5", "--json", str(out)]) == 0
    windows = json.loads(out.read_text())["windows"]
    assert 2 <= windows < 16
    assert f"50 patches, {windows} tau" in capsys.readouterr().out


def test_evaluate_seed_dt_and_gain_are_used(model, patches, tmp_path):
    def figures(*options):
        out = tmp_path / "f.json"
        base = ["evaluate", str(model), "--data", str(patches), "--n-stimuli", "50", "--quiet"]
        assert main([*base, "--json", str(out), *options]) == 0
        return json.loads(out.read_text())

    first, second = figures("--seed", "1"), figures("--seed", "2")
    assert first["r2"] != second["r2"]
    assert figures("--seed", "1")["r2"] == first["r2"]
    assert figures("--dt-ms", "0.1")["dt_ms"] == pytest.approx(0.1)
    # A hundredth of the gain does not get there in 16 tau.
    assert figures("--gain", "0.06")["r2"] < first["r2"] - 0.2


@pytest.mark.parametrize("pathway", ["synapses", "error_units"])
def test_simulate_keeps_the_response(model, patches, tmp_path, pathway):
    out = tmp_path / "simulation"
    arguments = ["simulate", str(model), "--data", str(patches), "--duration-ms", "100"]
    arguments += ["--pathway", pathway, "--out", str(out), "--json", str(tmp_path / "s.json")]
    assert main(arguments) == 0
    response = Response.load(out / "response.npz")
    figures = json.loads((tmp_path / "s.json").read_text())
    assert response.timing.duration == pytest.approx(0.1)
    assert len(response.recorded_neurons) == 10
    assert figures["r2"] == pytest.approx(response.r2()[0])
    assert response.spikes.count.sum() == response.counts.sum() > 0
    assert (out / "membrane_raster.png").stat().st_size > 10_000


def test_inspect_fits_every_column(model, tmp_path, capsys):
    out, path = tmp_path / "inspection", tmp_path / "i.json"
    assert main(["inspect", str(model), "--out", str(out), "--json", str(path), "--quiet"]) == 0
    figures = json.loads(path.read_text())
    assert figures["n_columns"] == 24 and 0 <= figures["gabor_fraction"] <= 1
    expected = fit_columns(load_model(model), progress=False).figures()
    assert figures["gabor_fraction"] == expected["gabor_fraction"]
    assert f"{expected['gabor_fraction']:.1%} of 24 columns" in capsys.readouterr().out
    assert (out / "dictionary.png").stat().st_size > 5_000


def test_models_are_listed(tmp_path, capsys):
    path = tmp_path / "models.json"
    assert main(["models", "--json", str(path)]) == 0
    listed = {entry["name"]: entry for entry in json.loads(path.read_text())["models"]}
    assert list(listed) == available_models()
    shown = capsys.readouterr().out
    table = shown.splitlines()[: len(listed) + 1]
    assert len({line.rindex(" ") for line in table if line[-1].isdigit()}) == 1  # aligned
    for name, entry in listed.items():
        parameters = load_model(name)
        assert entry["n_neurons"] == parameters.n_neurons
        assert tuple(entry["stimulus_shape"]) == parameters.stimulus_shape
        assert entry["figures"]["r2"] == parameters.provenance["figures"]["r2"]
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{name} ")]
        told = line.split()
        assert told[1] == str(parameters.n_neurons)
        rows, columns = parameters.stimulus_shape
        assert told[2:5] == [str(rows), "x", str(columns)]
        figures = entry["figures"]
        assert told[5:8] == [f"{figures[key]:.3f}" for key in ("r2", "zeros", "distance")]
        assert told[8] == f"{figures['spikes_per_tau']:.0f}"


def test_a_diverging_evaluation_says_what_to_change(model, patches, capfd):
    arguments = ["evaluate", str(model), "--data", str(patches), "--dt-ms", "20", "--gain", "20"]
    assert main([*arguments, "--quiet"]) == 2
    error = capfd.readouterr().err
    assert "diverged" in error and "dt" in error

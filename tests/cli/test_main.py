"""The command `ipvae`: figures, files, exit status and one clear line for bad input."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ipvae_brian import Parameters, Response, available_models, load_model
from ipvae_brian.cli.main import main


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """A file of small patches: a few oriented edges plus noise, z-scored by the loader."""
    rng = np.random.default_rng(0)
    edges = rng.normal(size=(12, 36))
    codes = rng.exponential(size=(1200, 12)) * (rng.random((1200, 12)) < 0.2)
    path = tmp_path_factory.mktemp("data") / "edges.npz"
    x = (codes @ edges + 0.1 * rng.normal(size=(1200, 36))).reshape(-1, 6, 6)
    np.savez(path, x_train=x[:1000], x_val=x[1000:])
    return path


@pytest.fixture(scope="module")
def model(patches, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "edges-24.npz"
    status = main(
        [
            "train",
            "--data",
            str(patches),
            "--out",
            str(path),
            "--n-neurons",
            "24",
            "--n-epochs",
            "1",
        ]
        + ["--n-evaluate", "100", "--json", str(path.with_suffix(".json")), "--quiet"]
    )
    assert status == 0
    return path


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


def test_two_processes_give_the_same(model, patches, tmp_path):
    path, out = tmp_path / "edges-24.npz", tmp_path / "figures.json"
    two = ["--data", str(patches), "--n-jobs", "2", "--quiet"]
    assert main(["train", *two, "--out", str(path), "--n-neurons", "24", "--n-epochs", "1"]) == 0
    dictionary = Parameters.load(path).dictionary
    np.testing.assert_array_equal(dictionary, Parameters.load(model).dictionary)
    assert main(["evaluate", str(path), *two, "--n-stimuli", "100", "--json", str(out)]) == 0
    figures = json.loads(model.with_suffix(".json").read_text())
    assert json.loads(out.read_text())["r2"] == pytest.approx(figures["r2"], rel=1e-6)


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
        assert told[2:5] == ["16", "x", "16"]
        figures = entry["figures"]
        assert told[5:8] == [f"{figures[key]:.3f}" for key in ("r2", "zeros", "distance")]
        assert told[8] == f"{figures['spikes_per_tau']:.0f}"


BAD = {
    "unknown command": (["trian"], "trian"),
    "unknown option": (["evaluate", "m", "--windwos", "3"], "windwos"),
    "unknown model": (["evaluate", "photographs-521"], "did you mean 'photographs-512'"),
    "no such model file": (["evaluate", "nowhere.npz"], "no such file"),
    "no such data": (["evaluate", "{model}", "--data", "nowhere.npz"], "no such"),
    "unknown data": (["evaluate", "{model}", "--data", "photogrpahs"], "photographs"),
    "data of another shape": (["evaluate", "{model}"], "do not fit"),
    "dt above tau": (
        ["evaluate", "{model}", "--data", "{data}", "--dt-ms", "30"],
        "--dt-ms must be at most tau",
    ),
    "dt negative": (["evaluate", "{model}", "--data", "{data}", "--dt-ms=-1"], "--dt-ms"),
    "windows": (["evaluate", "{model}", "--data", "{data}", "--windows", "0"], "--windows"),
    "processes": (["evaluate", "{model}", "--data", "{data}", "--n-jobs", "0"], "--n-jobs"),
    "too many": (["evaluate", "{model}", "--data", "{data}", "--n-stimuli", "9999"], "only 200"),
    "pathway": (
        ["simulate", "{model}", "--data", "{data}", "--pathway", "synapse"],
        "did you mean 'synapses'",
    ),
    "stimulus": (["simulate", "{model}", "--data", "{data}", "--stimulus", "900"], "--stimulus"),
    "duration": (["simulate", "{model}", "--data", "{data}", "--duration-ms=-5"], "--duration-ms"),
    "out folder": (["train", "--data", "{data}", "--out", "/no/folder/m.npz"], "no such folder"),
    "out name": (["train", "--data", "{data}", "--out", "model.txt"], "must end in .npz"),
    "neurons": (["train", "--data", "{data}", "--out", "m.npz", "--n-neurons", "0"], "--n-neurons"),
    "seed": (["train", "--data", "{data}", "--out", "m.npz", "--seed", "-1"], "--seed"),
    "engine": (
        ["evaluate", "{model}", "--data", "{data}", "--engine", "numpi"],
        "did you mean 'numpy'",
    ),
    "engine of a training": (
        ["train", "--data", "nowhere.npz", "--out", "m.npz", "--engine", "numpi"],
        "did you mean 'numpy'",
    ),
    "settings before data": (
        ["train", "--data", "nowhere.npz", "--out", "m.npz", "--n-windows", "1"],
        "windows_left_out",
    ),
    "not a number": (["train", "--out", "m.npz", "--ridge", "nan"], "--ridge: must be a finite"),
    "bounds": (["train", "--out", "m.npz", "--averaging-rate", "1.5"], "> 0 and <= 1, got '1.5'"),
    "tau": (["train", "--out", "m.npz", "--tau-ms", "0"], "--tau-ms: must be a finite number > 0"),
    "foreign file": (["evaluate", "{data}"], "not an ipvae_brian model"),
    "json folder": (
        ["evaluate", "{model}", "--data", "{data}", "--n-stimuli", "2", "--json", "/no/f.json"],
        "/no",
    ),
    "file as folder": (["demo", "--out", "{data}"], "edges.npz"),
    "out is a folder": (["train", "--out", "folder.npz"], "--out: folder.npz is a folder"),
    "json is a folder": (["models", "--json", "folder.npz"], "--json: folder.npz is a folder"),
    "json is the model": (
        ["train", "--data", "{data}", "--out", "m.npz", "--json", "m.npz"],
        "--json and --out must be different files",
    ),
    "checkpoint is the model": (
        ["train", "--data", "{data}", "--out", "m.npz", "--checkpoint", "./m.npz"],
        "--out and --checkpoint must be different files",
    ),
    "checkpoint is the card": (
        ["train", "--data", "{data}", "--out", "m.npz", "--checkpoint", "M.md"],
        "the model's card and --checkpoint must be different files",
    ),
    "json is the default checkpoint": (
        ["train", "--data", "{data}", "--out", "m.npz", "--json", "m.checkpoint.npz"],
        "--json and --checkpoint must be different files",
    ),
    "out is the data": (
        ["train", "--data", "{data}", "--out", "{data}"],
        "--out and --data must be different files",
    ),
    "json is the data": (
        ["evaluate", "{model}", "--data", "{data}", "--json", "{data}"],
        "--json and --data must be different files",
    ),
    "json is the evaluated model": (
        ["evaluate", "{model}", "--data", "{data}", "--json", "{model}"],
        "--json and the model must be different files",
    ),
    "json is the response": (
        ["simulate", "{model}", "--data", "{data}", "--out", "s", "--json", "s/response.npz"],
        "--json and response.npz in --out must be different files",
    ),
    "json is a figure": (
        ["demo", "--out", "s", "--json", "s/Dictionary.png"],
        "--json and dictionary.png in --out must be different files",
    ),
    "the card is somebody's": (
        ["train", "--data", "{data}", "--out", "README.npz"],
        "README.md exists and is no model card",
    ),
    "json into no folder": (
        ["evaluate", "{model}", "--data", "{data}", "--json", "none/f.json"],
        "--json: no such folder",
    ),
    "checkpoint into no folder": (
        ["train", "--data", "{data}", "--out", "m.npz", "--checkpoint", "none/c.npz"],
        "--checkpoint: no such folder",
    ),
    "an unfinished training": (
        ["train", "--data", "{data}", "--out", "left.npz"],
        "left.checkpoint.npz is left from an unfinished training: go on from it with --resume",
    ),
    "resume and overwrite": (
        ["train", "--data", "{data}", "--out", "m.npz", "--resume", "--overwrite"],
        "not allowed with",
    ),
    "overwrite what is no checkpoint": (
        ["train", "--data", "{data}", "--out", "m.npz", "--checkpoint", "notes", "--overwrite"],
        "notes exists and is no checkpoint",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_status_2(case, model, patches, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    others = ("README.md", "left.checkpoint.npz", "notes")
    for name in others:
        (tmp_path / name).write_text("somebody's")
    before = patches.read_bytes(), model.read_bytes()
    words, expected = BAD[case]
    words = [word.format(model=model, data=patches) for word in words]
    try:
        status = main(words)
    except SystemExit as exit:
        status = exit.code
    errors = capfd.readouterr().err
    lines = [line for line in errors.splitlines() if "error:" in line]
    assert status == 2
    assert len(lines) == 1 and expected in lines[0]
    assert "Traceback" not in errors
    assert all((tmp_path / name).read_text() == "somebody's" for name in others)
    assert before == (patches.read_bytes(), model.read_bytes())


def test_read_only_output_folder(model, patches, tmp_path, monkeypatch, capfd):
    """Said before the work, not after it. (Root may write anywhere, so the system's answer is.)"""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    for words in (
        ["train", "--data", str(patches), "--out", str(tmp_path / "m.npz")],
        ["simulate", str(model), "--data", str(patches), "--out", str(tmp_path)],
        ["demo", "--out", str(tmp_path)],
    ):
        assert main([*words, "--quiet"]) == 2
        assert f"cannot write into the folder {tmp_path}" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_diverging_evaluation_says_what_to_change(model, patches, capfd):
    arguments = ["evaluate", str(model), "--data", str(patches), "--dt-ms", "20", "--gain", "20"]
    assert main([*arguments, "--quiet"]) == 2
    error = capfd.readouterr().err
    assert "diverged" in error and "dt" in error


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
def test_interrupted_training_resumes_to_the_same_model(patches, tmp_path):
    """Ctrl-C, then --resume: bit by bit the model of a training that was left alone."""

    def train(name, *options):
        words = ["train", "--data", str(patches), "--out", str(tmp_path / name), "--quiet"]
        words += ["--n-neurons", "24", "--n-epochs", "60", "--checkpoint-every", "10"]
        command = [sys.executable, "-c", "import sys; from ipvae_brian.cli.main import main; "]
        command[-1] += "sys.exit(main(sys.argv[1:]))"
        return subprocess.Popen(
            [*command, *words, "--n-evaluate", "50", *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    whole = train("whole.npz")
    stopped = train("stopped.npz")
    checkpoint = tmp_path / "stopped.checkpoint.npz"
    until = time.monotonic() + 120
    while not checkpoint.exists() and stopped.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    stopped.send_signal(signal.SIGINT)
    out, errors = stopped.communicate(timeout=120)
    assert stopped.returncode == 130, errors
    assert "--resume" in out
    assert not (tmp_path / "stopped.npz").exists()
    resumed = train("stopped.npz", "--resume")
    _, errors = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, errors
    whole.communicate(timeout=300)
    first, second = (Parameters.load(tmp_path / f"{n}.npz") for n in ("whole", "stopped"))
    np.testing.assert_array_equal(first.dictionary, second.dictionary)
    assert first.provenance["n_batches"] == second.provenance["n_batches"] == 300

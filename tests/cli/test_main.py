"""The command `ipvae`: figures, files, exit status and one clear line for bad input."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ipvae_brian import Parameters
from ipvae_brian.cli.main import main

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
    "short duration": (
        ["simulate", "{model}", "--data", "{data}", "--duration-ms", "5", "--out", "never"],
        "--duration-ms must be at least tau",
    ),
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


@pytest.mark.slow
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

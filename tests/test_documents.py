"""What the README and the documentation tell people to type runs, and links lead somewhere."""

import configparser
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from ipvae_brian.cli.main import main
from ipvae_brian.cli.options import parser
from ipvae_brian.stimuli import load_photographs

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "models").glob("*.md")),
]
# What stands for something of the reader's, and what makes an example of hours one of seconds.
IN_CODE = {
    'load_stimuli("folder/of/images")': 'load_stimuli("images", n_train=1000, n_validation=50)',
    'checkpoint="mine.checkpoint.npz")': 'checkpoint="mine.checkpoint.npz", n_epochs=1)',
    "IPVAE(n_jobs=2, batch_size=10_000)": "IPVAE(n_jobs=2, batch_size=10_000, n_epochs=1)",
    "IPVAE()": "IPVAE(n_epochs=1)",
    'Client("scheduler-address:8786")': (
        "Client(n_workers=1, threads_per_worker=1, dashboard_address=None)"
    ),
}
IN_COMMANDS = {"DIR": "output", "FOLDER": "images", "FILE": "results.json"}
SMALL = {
    "train": "--n-train 1000 --n-evaluate 50 --n-neurons 32",
    "evaluate": "--n-stimuli 50",
    "compare": "--quick",
}


def blocks(document, *languages):
    """Fenced blocks of these languages; "" for those that name none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in fenced if language in languages]


def commands(document, program):
    """Commands in fenced blocks, one a line, without the comments behind them."""
    lines = [line for block in blocks(document, "", "bash") for line in block.splitlines()]
    found = (shlex.split(line, comments=True) for line in lines if line.startswith(f"{program} "))
    return [command[1:] for command in found]


def inline_commands(document):
    """Commands of the package between backquotes in the text."""
    return [shlex.split(c)[1:] for c in re.findall(r"`(ipvae [a-z]+ [^`]*)`", document.read_text())]


def named(document):
    return str(document.relative_to(ROOT))


@pytest.fixture
def folder(tmp_path):
    """Where examples run: with a folder `images` of some photographs."""
    (tmp_path / "images").mkdir()
    for name, image in list(load_photographs().items())[:4]:
        picture = (255 * (image - image.min()) / (image.max() - image.min())).astype("uint8")
        Image.fromarray(picture[:256, :256]).save(tmp_path / "images" / f"{name}.png")
    return tmp_path


WITH_CODE = [document for document in DOCUMENTS if blocks(document, "python")]


def test_there_is_something_to_run():
    assert ROOT / "README.md" in WITH_CODE
    assert len(commands(ROOT / "README.md", "ipvae")) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("document", WITH_CODE, ids=named)
def test_code_runs_from_top_to_bottom(document, folder):
    cells = blocks(document, "python")
    for written, meant in IN_CODE.items():
        cells = [cell.replace(written, meant) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()


def run(arguments, folder):
    command = [sys.executable, "-m", "ipvae_brian.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ipvae {shlex.join(arguments)}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_commands_of_the_readme_run_one_after_the_other(folder):
    for arguments in commands(ROOT / "README.md", "ipvae"):
        arguments = [IN_COMMANDS.get(word, word) for word in arguments]
        run([*arguments, *SMALL.get(arguments[0], "").split()], folder)
    assert (folder / "output").is_dir() and any((folder / "output").iterdir())


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_have_options_that_exist(document):
    for arguments in [*commands(document, "ipvae"), *inline_commands(document)]:
        if arguments == ["COMMAND", "--help"]:
            continue
        parser().parse_args(arguments)


FIGURES = [
    line.strip("| ").split(" | ")
    for line in (ROOT / "README.md").read_text().splitlines()
    if "`ipvae evaluate" in line and line.startswith("|")
]


@pytest.mark.slow
@pytest.mark.parametrize("cells", FIGURES, ids=lambda cells: cells[0].strip("`"))
def test_figures_of_trained_models_are_those_that_the_command_gives(
    cells, tmp_path, request, monkeypatch
):
    arguments = shlex.split(cells[-1].strip("`"))[1:]
    data = arguments[arguments.index("--data") + 1]
    if data != "photographs":
        path = request.getfixturevalue("shared_folder") / "data" / data
        if not path.is_file():
            pytest.skip(f"no {path}")
        arguments[arguments.index(data)] = str(path)
    # In this process: to start one for each model takes longer than some of the measurements.
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--quiet", "--json", "figures.json"]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    r2, zeros, distance, spikes = map(float, cells[1:5])
    # Written with three digits, and the third may differ by one with another engine.
    assert figures["r2"] == pytest.approx(r2, abs=0.002)
    assert figures["zeros"] == pytest.approx(zeros, abs=0.002)
    assert figures["distance"] == pytest.approx(distance, abs=0.002)
    assert figures["spikes_per_tau"] == pytest.approx(spikes, rel=0.01)


def test_there_is_a_figure_for_each_model_that_comes_along():
    written = {cells[0].strip("`") for cells in FIGURES}
    models = [path for path in (ROOT / "models").iterdir() if path.suffix in (".npz", ".json")]
    assert written == {path.stem for path in models}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_extras_that_are_named_exist(document):
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    wanted = re.findall(r"pip install [^`\n]*\[(\w+)\]", document.read_text())
    assert set(wanted) <= set(settings["options.extras_require"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_make_targets_that_are_named_exist(document):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`?\bmake ([a-z]+)`", document.read_text())) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_within_the_repository_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    missing = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in missing if not (document.parent / link).exists()] == []

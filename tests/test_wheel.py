"""A wheel, installed apart from the source tree: models and photographs come along."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    # Of a copy, because what earlier builds left in the source tree would come along.
    folder, source = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("source")
    for name in ("ipvae_brian", "models"):
        ignored = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # --no-isolation would need setuptools in this environment; pip brings its own.
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(folder)]
    subprocess.run([*command, str(source)], check=True, cwd=folder)
    return next(folder.glob("ipvae_brian-*.whl"))


def test_wheel_holds_models_photographs_types_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for model in ("photographs-512", "vanhateren-512", "vanhateren-1024"):
        assert {f"ipvae_brian/models/{model}.npz", f"ipvae_brian/models/{model}.md"} <= names
        derived = f"ipvae_brian/models/{model}-adaptive"
        assert {f"{derived}.json", f"{derived}.md"} <= names
    pictures = [n for n in names if n.startswith("ipvae_brian/stimuli/photographs/")]
    assert sum(n.endswith(".png") for n in pictures) == 13
    assert "ipvae_brian/stimuli/photographs/ATTRIBUTION.md" in names
    assert "ipvae_brian/py.typed" in names
    assert "ipvae_brian/physiology/data/v1_physiology.json" in names
    assert all(n.startswith("ipvae_brian") for n in names)


def test_wheel_holds_every_file_of_the_source_tree(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {path for path in (ROOT / "ipvae_brian").rglob("*") if path.is_file()}
    files = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert "ipvae_brian/cli/main.py" in files
    assert files == {n for n in names if n.startswith("ipvae_brian/") and "/models/" not in n}


def test_load_model_from_the_wheel_in_an_empty_folder(wheel, tmp_path):
    target, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(wheel).extractall(target)
    code = (
        "import ipvae_brian\n"
        "model = ipvae_brian.load_model('photographs-512')\n"
        "from ipvae_brian.stimuli import load_photographs\n"
        "print(ipvae_brian.__file__, model.n_neurons, len(load_photographs()))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    path, n_neurons, n_photographs = done.stdout.split()
    assert path.startswith(str(target))
    assert (n_neurons, n_photographs) == ("512", "13")

"""`tests/` mirrors the folders, and `setup.cfg` lists every one of them."""

import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
# What holds no code that could be wrong: a version, names of types, and what starts `main`.
NOTHING_TO_TEST = {"_version.py", "_tools/types.py", "cli/__main__.py"}


def modules(folder):
    paths = (path.relative_to(folder) for path in folder.rglob("*.py"))
    return sorted(path for path in paths if path.name != "__init__.py")


def file_of_tests(module):
    return module.with_name(f"test_{module.stem.lstrip('_')}.py")


PACKAGE = [m for m in modules(ROOT / "ipvae_brian") if m.as_posix() not in NOTHING_TO_TEST]
BENCHMARKS = [Path("benchmarks") / module for module in modules(ROOT / "benchmarks")]


@pytest.mark.parametrize("module", [*PACKAGE, *BENCHMARKS], ids=str)
def test_every_module_has_its_file_of_tests(module):
    assert (TESTS / file_of_tests(module)).is_file()


def test_folders_of_tests_are_those_of_the_package():
    """A file of tests may be of several modules, but has its place among the others."""
    expected = {file_of_tests(module).parent for module in [*PACKAGE, *BENCHMARKS]}
    found = {path.relative_to(TESTS).parent for path in TESTS.rglob("test_*.py")}
    assert found == expected


def test_setup_lists_every_folder_of_the_package():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    listed = set(settings["options"]["packages"].split())
    folders = {path.parent for path in (ROOT / "ipvae_brian").rglob("*.py")}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert listed == found | {"ipvae_brian.models"}

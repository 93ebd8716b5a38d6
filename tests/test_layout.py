"""`tests/` mirrors the folders, and `setup.cfg` lists every one of them."""

import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
# What holds no code that could be wrong: a version, names of types, and what starts `main`.
NOTHING_TO_TEST = {"_version.py", "_tools/types.py", "cli/__main__.py"}
# Of several modules at once.
OF_SEVERAL = {"test_fuzz.py", "test_adaptive_prior.py"}


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


def test_every_file_of_tests_has_its_module():
    expected = {file_of_tests(module) for module in [*PACKAGE, *BENCHMARKS]}
    found = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    strangers = {path for path in found - expected if path.name not in OF_SEVERAL}
    # Those of the repository as a whole lie above all folders.
    assert {path for path in strangers if path.parent != Path()} == set()


def test_setup_lists_every_folder_of_the_package():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    listed = set(settings["options"]["packages"].split())
    folders = {path.parent for path in (ROOT / "ipvae_brian").rglob("*.py")}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert listed == found | {"ipvae_brian.models"}

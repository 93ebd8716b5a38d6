"""A contest that is small enough for tests: few rivals, small digits, hardly any training."""

import pytest

from benchmarks.claims.run import main

SMALL = ["--quick", "--rivals", "lca,pca,matching_pursuit", "--minutes", "0.0005", "--seeds", "2"]
SMALL += ["--jobs", "1"]
SMALL += ["--n-test", "40", "--n-codes", "60", "--n-outside", "20", "--n-patches", "20"]


@pytest.fixture(scope="session")
def small():
    """The options of a small run."""
    return SMALL


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """What a small run gave, and the folder where it is."""
    folder = tmp_path_factory.mktemp("claims")
    places = ["--cells", str(folder / "cells"), "--out", str(folder / "claims")]
    told = main([*SMALL, *places, "--page", str(folder / "claims.md")])
    return told, folder

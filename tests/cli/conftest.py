"""A file of small patches, and a model that was trained on them."""

import numpy as np
import pytest

from ipvae_brian.cli.main import main


@pytest.fixture(scope="session")
def patches(tmp_path_factory):
    """A file of small patches: a few oriented edges plus noise, z-scored by the loader."""
    rng = np.random.default_rng(0)
    edges = rng.normal(size=(12, 36))
    codes = rng.exponential(size=(1200, 12)) * (rng.random((1200, 12)) < 0.2)
    path = tmp_path_factory.mktemp("data") / "edges.npz"
    x = (codes @ edges + 0.1 * rng.normal(size=(1200, 36))).reshape(-1, 6, 6)
    np.savez(path, x_train=x[:1000], x_val=x[1000:])
    return path


@pytest.fixture(scope="session")
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

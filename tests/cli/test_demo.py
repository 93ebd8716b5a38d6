"""`ipvae demo` as a user runs it: figures and their JSON, without a compiler."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

FIGURES = ("membrane_raster.png", "dictionary.png", "reconstructions.png", "convergence.png")
KEYS = {
    "model",
    "r2",
    "r2_expected_counts",
    "zeros",
    "distance",
    "spikes_per_tau",
    "tau_ms",
    "dt_ms",
    "free_energy",
    "seconds",
}


@pytest.mark.slow
def test_demo_without_compiler(tmp_path):
    out = tmp_path / "demo"
    environment = os.environ | {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "ipvae_brian.cli", "demo", "--out", str(out)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((out / "demo.json").read_text())
    assert set(figures) == KEYS
    assert figures["model"] == "photographs-512"
    assert figures["r2"] > 0.7 and figures["zeros"] > 0.7
    assert figures["spikes_per_tau"] <= 360
    for name in FIGURES:
        image = Image.open(out / name)
        assert min(image.size) > 400
        assert len(image.convert("L").getcolors()) > 20  # something is drawn
    assert f"{figures['r2']:.3f}" in done.stdout

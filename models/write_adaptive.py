"""Write and measure the models with an adaptive prior, which use the dictionaries of the others.

    python models/write_adaptive.py VAN_HATEREN_PATCHES.npz [DICTIONARY ...]

Settings were found by a random search on 1,000 validation patches.
"""

import json
import sys
import tempfile
from pathlib import Path

from write_trained import evaluated_by

from ipvae_brian import load_model
from ipvae_brian.cli.main import main as ipvae
from ipvae_brian.model.card import card_path, model_card
from ipvae_brian.model.derived import FORMAT, FORMAT_VERSION

FOLDER = Path(__file__).parent
SHARED = {"threshold_memory": 0.3, "lowest_potential": -12.0}
SETTINGS = {
    "vanhateren-512": {"spike_size": 0.32, "gain": 18.0, "sparsity": 0.48},
    "vanhateren-1024": {"spike_size": 0.3, "gain": 18.0, "sparsity": 0.33},
    "photographs-512": {"spike_size": 0.3, "gain": 18.0, "sparsity": 0.55},
}
HALF_THRESHOLD_RATES = {"vanhateren-512": 0.55, "vanhateren-1024": 0.5, "photographs-512": 0.55}


def write(path, base, settings, provenance):
    """Write a file that derives a model from another."""
    told = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "base": base,
        "settings": settings,
        "provenance": provenance,
    }
    path.write_text(json.dumps(told, indent=1) + "\n")


def measure(path, data):
    """Return the figures of a model, and the command that gives them."""
    options = ["--n-stimuli", "2000", "--seed", "0"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        failed = ipvae(["evaluate", str(path), "--data", data, *options, "--json", str(out)])
        if failed:
            raise SystemExit(failed)
        measured = json.loads(out.read_text())
    left_out = {"model", "data", "convergence"}
    figures = {key: value for key, value in measured.items() if key not in left_out}
    return figures | {"command": evaluated_by(path, data)}


def main(van_hateren, *names):
    """Write those of all dictionaries, or of those that are named, with their cards."""
    for base in names or SETTINGS:
        settings = SETTINGS[base]
        path = FOLDER / f"{base}-adaptive.json"
        used = settings | {"half_threshold_rate": HALF_THRESHOLD_RATES[base]} | SHARED
        provenance = {"name": path.stem, "figures": {}}
        write(path, base, used, provenance)
        data = "photographs" if base.startswith("photographs") else van_hateren
        provenance["figures"] = measure(path, data)
        write(path, base, used, provenance)
        card_path(path).write_text(model_card(load_model(path)))


if __name__ == "__main__":
    main(*sys.argv[1:])

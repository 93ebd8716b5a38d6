"""Train the models of digits of the package: ``python -m benchmarks.claims.write_digits``.

Each learns from all training digits of MNIST but the last 5,000, on which the settings were chosen.
Its dictionary is kept in half precision, and measured as it is kept, on test digits.
Beside each model there is one with the same dictionary and an adaptive prior. The command takes
the file mnist.npz, with x_train, y_train, x_test and y_test, and wants Numba.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.claims import digits
from benchmarks.claims.data import mnist
from benchmarks.claims.ours import ENGINE, AdaptiveSpikingVAE, SpikingVAE
from benchmarks.machine import REPOSITORY
from ipvae_brian import Parameters
from ipvae_brian.cli.main import main as ipvae
from ipvae_brian.model.card import card_path, model_card, write_model
from ipvae_brian.model.derived import FORMAT, FORMAT_VERSION

SIZES = (512, 1024)
N_EPOCHS = 5
N_TEST = 2000
WHITE = 255
NOTE = (
    "MNIST (LeCun, Cortes & Burges; CC BY-SA 3.0): its training digits but the last 5,000, as "
    "pixels in [0, 1]. The digits are not part of this package."
)
SAID = {
    "data": "mnist.npz",
    "data_note": NOTE,
    "meant_for": "handwritten digits as pixels in [0, 1], black as 0",
    "held_out": "test digits of MNIST",
    "values_as_stored": True,
}
SETTINGS = dict.fromkeys(SIZES, digits.SETTINGS)


def trained(data, n_neurons, n_epochs=N_EPOCHS):
    """Return the parameters of the paper's dynamics, trained, with their provenance."""
    used = SpikingVAE(data.train.shape[1], n_neurons, **SETTINGS[n_neurons]["ours"])
    estimator = used.estimator(n_epochs, progress=True)
    begin = time.process_time()
    fitted = estimator.fit(data.train)
    settings = {k: v for k, v in fitted.settings_.items() if k not in ("gain", "sparsity")}
    told = SAID | {
        "name": f"digits-{n_neurons}",
        "command": "python -m benchmarks.claims.write_digits mnist.npz",
        "settings": settings,
        "n_train": len(data.train),
        "n_batches": fitted.n_batches_,
        "n_revived": fitted.n_revived_,
        "n_diverged": fitted.n_diverged_,
        "seconds": round(time.process_time() - begin, 1),
    }
    used.set_dictionary(fitted.parameters_.dictionary)
    parameters = used.parameters(stimulus_shape=data.shape, stimulus_scale=WHITE, provenance=told)
    kept = parameters.dictionary.astype(np.float16).astype(np.float64)
    return parameters.replace(dictionary=kept).with_noise_variance(fitted.noise_variance_)


def measured(path, file):
    """Return the figures of a model file, those of `ipvae evaluate`, with the command."""
    options = ["--n-stimuli", str(N_TEST), "--seed", "0", "--engine", ENGINE]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        words = ["evaluate", str(path), "--data", str(file), *options, "--json", str(out)]
        if failed := ipvae(words):
            raise SystemExit(failed)
        figures = json.loads(out.read_text())
    left_out = {"model", "data", "convergence"}
    figures = {name: value for name, value in figures.items() if name not in left_out}
    shown = ["ipvae", "evaluate", path.stem, "--data", "mnist.npz", *options]
    return figures | {"command": " ".join(shown)}


def write(folder, data, file, n_neurons):
    """Train a model and write it, the one with an adaptive prior, and their cards."""
    path = folder / f"digits-{n_neurons}.npz"
    trained(data, n_neurons).save(path)
    describe(path, file)


def describe(path, file):
    """Measure a trained model and the one with an adaptive prior; write that, and their cards."""
    parameters = Parameters.load(path)
    n_neurons = parameters.n_neurons
    told = dict(parameters.provenance) | {"figures": measured(path, file)}
    write_model(path, parameters.replace(provenance=told))
    derived = path.with_name(f"{path.stem}-adaptive.json")
    kept = {
        name: value
        for name, value in (
            AdaptiveSpikingVAE.DEFAULTS | SETTINGS[n_neurons]["ours_adaptive"]
        ).items()
        if name in ("spike_size", "gain", "sparsity", *AdaptiveSpikingVAE.ADAPTIVE)
    }
    told = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "base": str(path),
        "settings": kept,
        "provenance": {"name": derived.stem, "figures": {}},
    }
    derived.write_text(json.dumps(told, indent=1) + "\n")
    told["provenance"]["figures"] = measured(derived, file)
    # Where it belongs, the other model goes by its name.
    told["base"] = path.stem
    origin = parameters.provenance | told["provenance"]
    origin |= {"base": path.stem, "settings_of_use": kept}
    derived.write_text(json.dumps(told, indent=1) + "\n")
    described = parameters.with_settings(**kept).replace(provenance=origin)
    card_path(derived).write_text(model_card(described))


def main(arguments=None):
    """Write all of them."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.claims.write_digits", description=__doc__
    )
    parser.add_argument("file", type=Path, help="mnist.npz")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models", help="folder")
    parser.add_argument("--size", type=int, choices=SIZES, action="append", help="default both")
    options = parser.parse_args(arguments)
    data = mnist(options.file)
    for n_neurons in options.size or SIZES:
        write(options.out, data, options.file, n_neurons)


if __name__ == "__main__":
    main()

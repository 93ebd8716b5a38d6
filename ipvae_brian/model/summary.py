"""The summary of a model that notebooks show."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.model.picture import mosaic, tiles_across

# Columns of the dictionary that are shown.
N_SHOWN = 60
FIGURES = {"r2": "R²", "zeros": "zeros", "distance": "d"}


def facts(parameters: Any) -> dict[str, object]:
    """Return the essentials of `Parameters` by name."""
    p, tau = parameters, float(parameters.tau)
    said: dict[str, object] = {
        "neurons": f"{p.n_neurons:,}",
        "pixels": " × ".join(map(str, p.stimulus_shape)),
        "τ": f"{tau * 1e3:g} ms",
        "gain κ": _range(p.natural_gradient_step * p.spike_sizes / p.noise_variance),
        "rate at rest": f"{_range(np.exp(p.resting_potential) / tau)} Hz",
        "leak": f"{p.leak:g}",
        "noise variance": f"{p.noise_variance:g}",
    }
    for name, key in (("data", "data_note"), ("command", "command")):
        if key in p.provenance:
            said[name] = p.provenance[key]
    figures = p.provenance.get("figures")
    figures = figures if isinstance(figures, dict) else {}
    known = {text: figures[key] for key, text in FIGURES.items() if key in figures}
    numbers = [f"{text} {value:.3f}" for text, value in known.items() if isinstance(value, Real)]
    if numbers:
        said["on held-out stimuli"] = ", ".join(numbers)
    return said


def picture(parameters: Any) -> NDArray | None:
    """Return some columns of the dictionary side by side, if they are images."""
    if len(parameters.stimulus_shape) != 2:
        return None
    columns = parameters.dictionary.T[:N_SHOWN].reshape(-1, *parameters.stimulus_shape)
    return mosaic(columns, tiles_across(len(columns), columns.shape[2] / columns.shape[1]))


def _range(values: NDArray) -> str:
    """One number, or the lowest and the highest."""
    low, high = (f"{value:.3g}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"

"""Recordings as pandas tables, with a row for every count or every spike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ipvae_brian._tools.checks import known_name

if TYPE_CHECKING:
    import pandas

KINDS = ("counts", "spikes")


def dataframe(recording: Any, kind: str) -> pandas.DataFrame:
    """Return counts or spikes as a table; see `Recording.to_dataframe`."""
    known_name(kind, "kind", KINDS)
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "to_dataframe needs pandas, which is not installed: pip install ipvae_brian[tables]"
        ) from error
    columns = _of_spikes(recording) if kind == "spikes" else _of_counts(recording)
    for name, values in recording.conditions.items():
        if values.ndim == 1:
            columns[name if name not in columns else f"condition_{name}"] = values[columns["trial"]]
    return pandas.DataFrame(columns)


def _of_spikes(recording) -> dict[str, Any]:
    if recording.spikes is None:
        raise ValueError("spike times were not recorded; kind='counts' needs none")
    return recording.spikes._asdict()


def _of_counts(recording) -> dict[str, Any]:
    trial, window, neuron = (a.ravel() for a in np.indices(recording.counts.shape, np.int32))
    columns = {"trial": trial, "window": window, "neuron": neuron}
    columns["time"] = recording.timing.window_starts[window]
    columns["count"] = recording.counts.ravel()
    if (expected := getattr(recording, "expected_counts", None)) is not None:
        columns["expected_count"] = expected.ravel()
    return columns

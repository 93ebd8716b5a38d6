"""Compare a model with visual cortex: every property, beside what laboratories found."""

from __future__ import annotations

import datetime
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2.only import ms

from ipvae_brian._tools.checks import flag, whole_number
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian._version import __version__
from ipvae_brian.model.library import load_model
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.physiology import curves
from ipvae_brian.physiology.comparison import Comparison, Property
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.laboratories import laboratories, of_recording
from ipvae_brian.physiology.measured import Biology, Check, Distribution, Gate, Measured, spread_of
from ipvae_brian.physiology.properties import PROPERTIES, Specification
from ipvae_brian.physiology.properties.contrast import latencies
from ipvae_brian.physiology.properties.specification import least
from ipvae_brian.physiology.receptive_fields import fit_gabor
from ipvae_brian.physiology.settings import described, of_preset, reconstruction
from ipvae_brian.physiology.statistics import distance_interval, distance_to_percentiles
from ipvae_brian.physiology.vary import values_to_vary, vary_settings
from ipvae_brian.recordings.recording import Recording

# Columns of the dictionary that are looked at for the gate.
N_COLUMNS, N_COLUMNS_QUICK = 100, 30
WELL_FITTED = LEAST_FITTED = 0.5
SHIPPED, PRESET = "shipped", "preset"
KS_FIGURES = {
    "fano_ks": "fano_factor",
    "gain_variance_ks": "gain_variance",
    "noise_correlation_ks": "noise_correlation",
    "circular_variance_ks": "circular_variance",
}


def compare(
    model: Parameters | str,
    recordings: Mapping[str, Recording] | Iterable[Recording] | Recording = (),
    *,
    quick: bool = False,
    vary: Sequence[str] = (),
    preset: bool = True,
    seed: int = 0,
    progress: bool | None = None,
    command: str = "",
) -> Comparison:
    """Compare a model with visual cortex, and with recordings of one's own.

    The model is put through the experiments of a visual physiologist: drifting and flashed
    gratings, plaids, sizes, white noise, natural images. What is worked out from its spikes is
    worked out by the same functions from the recordings given.

    Parameters
    ----------
    model : Parameters or str
        Or the name or file of one.
    recordings : Recording, several of them, or a mapping of str to Recording, optional
        They stand beside the published laboratories, for each property that they have the
        conditions for (``orientation`` or ``direction``, ``spatial_frequency``,
        ``temporal_frequency``, ``contrast``, ``mask_contrast``, ``diameter``, ``image``).
    quick : bool, default False
        Fewer conditions, repeats and units.
    vary : sequence of str, default ()
        Settings to vary one at a time, such as ``"gain"``, ``"leak"``, ``"sparsity"`` or
        ``"noise.shared_gain"``: how far each takes the model from biology, and what it costs.
    preset : bool, default True
        Whether to put the model through everything with the preset `physiological`, too.
    seed : int, default 0
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook.
    command : str, optional
        How to get the same again, for the report; by default a call of `ipvae compare`.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, or a setting to vary is not known.

    Examples
    --------
    >>> from ipvae_brian.physiology import compare
    >>> comparison = compare("vanhateren-512", quick=True)  # doctest: +SKIP
    >>> comparison["fano_factor"].preset.sentence  # doctest: +SKIP
    """
    begin = time.perf_counter()
    name, parameters = _named(model)
    named = _named_recordings(recordings)
    seed = whole_number(seed, "seed", minimum=0)
    options = {"quick": flag(quick, "quick"), "seed": seed, "progress": False}
    subjects = {SHIPPED: Subject(parameters, **options)}
    if flag(preset, "preset"):
        subjects[PRESET] = of_preset(parameters, **options)
    n_varied = len(values_to_vary(subjects[SHIPPED], vary))
    n_steps = len(PROPERTIES) * (len(subjects) + len(named)) + n_varied
    with progress_bar(n_steps, "properties", progress) as bar:
        columns = _columns(parameters, quick)
        tau_ms = float(parameters.tau / ms)
        properties, told = _properties(subjects, named, columns, tau_ms, bar)
        r2 = {key: reconstruction(subject) for key, subject in subjects.items()}
        table = vary_settings(subjects[SHIPPED], vary, after_each=bar.update)
    shown = subjects[SHIPPED].shown.values()
    return Comparison(
        model=name,
        settings={k: described(subject) | {"r2": r2[k]} for k, subject in subjects.items()},
        properties=properties,
        figures=_figures(properties, subjects, columns, r2),
        protocols=tuple(shown),
        recordings=told,
        curves=curves.of_subjects(subjects),
        vary=table,
        about={
            "version": __version__,
            "date": datetime.date.today().isoformat(),
            "seconds": time.perf_counter() - begin,
            "quick": quick,
            "seed": seed,
            "command": command or _command(name, named, quick, vary, seed),
        },
    )


def _named(model: Parameters | str) -> tuple[str, Parameters]:
    parameters = model if isinstance(model, Parameters) else load_model(model)
    default = "model" if isinstance(model, Parameters) else Path(model).stem
    return str(parameters.provenance.get("name", default)), parameters


def _named_recordings(recordings: Any) -> dict[str, Recording]:
    if isinstance(recordings, Recording):
        # One, and not each of its trials.
        recordings = [recordings]
    if not isinstance(recordings, Mapping):
        recordings = {f"recording {i}": one for i, one in enumerate(recordings, start=1)}
    for key, one in recordings.items():
        if not isinstance(one, Recording):
            raise TypeError(f"recordings: {key} must be a Recording, got {type(one).__name__}")
    return dict(recordings)


def _command(name, recordings, quick, vary, seed) -> str:
    words = ["ipvae", "compare", name, "--out", "DIR"]
    for one in recordings:
        words += ["--recording", one]
    words += ["--quick"] if quick else []
    words += ["--vary", ",".join(vary)] if vary else []
    words += ["--seed", str(seed)] if seed else []
    return shlex.join(words)


# Properties


def _properties(subjects, recordings, columns, tau_ms, bar):
    """Return all properties, and what each recording had."""
    told = {
        name: {
            "name": name,
            "n_trials": one.n_trials,
            "n_units": one.n_neurons,
            "measured": [],
            "not_measured": [],
        }
        for name, one in recordings.items()
    }
    properties = []
    for one in PROPERTIES:
        biology = _biology(one, tau_ms)
        for name, recording in recordings.items():
            try:
                found = one.measure(recording)
                failures = Gate(found.checks).failures
                biology.append(of_recording(name, found.distribution, tau_ms, failures))
                told[name]["measured"].append(one.name)
            except (ValueError, ImportError) as error:
                told[name]["not_measured"].append({"property": one.name, "reason": str(error)})
            bar.update()
        measured: dict[str, Measured | None] = {SHIPPED: None, PRESET: None}
        problems = {SHIPPED: "", PRESET: "" if PRESET in subjects else "not run"}
        for key, subject in subjects.items():
            try:
                measured[key] = _measured(one, subject, biology, columns)
            except (ValueError, ImportError) as error:
                problems[key] = str(error)
            bar.update()
        protocol = _protocol(one, subjects)
        properties.append(_property(one, protocol, tuple(biology), measured, problems))
    return tuple(properties), tuple(told.values())


def _biology(one: Specification, tau_ms: float) -> list[Biology]:
    found = []
    for name in one.references or (one.name,):
        for entry in laboratories(name, tau_ms):
            adapt = one.adapt is not None and (entry.percentiles or "range" not in entry.values)
            found.append(one.adapt(entry) if adapt and one.adapt else entry)
    return found


def _protocol(one: Specification, subjects: Mapping[str, Subject]) -> str:
    """Return what was shown, also with the preset if that is something else."""
    shipped, *others = (s.texts.get(one.experiment, one.experiment) for s in subjects.values())
    different = [text for text in others if text not in (shipped, one.experiment)]
    return "; with the preset: ".join([shipped, *different])


def _property(one, protocol, biology, measured, problems) -> Property:
    """Return a property, with the distance of every laboratory from both settings."""
    for key, field in ((SHIPPED, "distance"), (PRESET, "distance_preset")):
        if (found := measured[key]) is not None and found.model.n > 1:
            values = found.model.values
            biology = tuple(
                replace(b, **{field: distance_to_percentiles(values, b.percentiles)})
                if b.percentiles
                else b
                for b in biology
            )
    return Property(
        name=one.name,
        title=one.title,
        unit=one.unit,
        group=one.group,
        meaning=one.meaning,
        protocol=protocol,
        biology=biology,
        shipped=measured[SHIPPED],
        preset=measured[PRESET],
        problem=problems[SHIPPED],
        problem_preset=problems[PRESET],
    )


def _measured(one: Specification, subject: Subject, biology, columns: Check) -> Measured:
    found = one.measure(subject.recording(one.experiment))
    checks = [*found.checks, subject.time_step(one.experiment)]
    if "columns" in one.model_checks:
        checks.append(columns)
    gate = Gate(tuple(checks))
    model = found.distribution
    if model.window_ms is not None:
        model = replace(model, window_tau=model.window_ms / (1e3 * subject.tau))
    distance = interval = None
    published = [b for b in biology if b.percentiles and not b.recording]
    if (first := next(iter(published), None)) is not None and model.n > 1:
        distance, *ends = distance_interval(model.values, first.percentiles, seed=subject.seed)
        interval = ends[0], ends[1]
    low, high = spread_of(biology)
    agrees = None
    if low is not None and high is not None:
        agrees = bool(low <= model.median <= high and gate.passed)
    return Measured(model, distance, interval, agrees, gate, _sentence(one, model, biology, gate))


def _sentence(one: Specification, model: Distribution, biology, gate: Gate) -> str:
    unit = f" {one.unit}" if one.unit else ""
    what = f"{model.median:.3g}{unit}"
    if not one.single:
        low, high = np.percentile(model.values, [25, 75])
        what = f"a median of {what} (quartiles {low:.3g} and {high:.3g}, n = {model.n})"
    if model.window_ms is not None:
        what += f" in windows of {model.window_ms:g} ms"
        if model.window_tau is not None:
            what += f", {model.window_tau:g} tau"
    published = [b for b in biology if not b.recording]
    low, high = spread_of(published)
    if low is None or high is None:
        where = "; no laboratory has values to compare it with"
    else:
        n = sum(b.low is not None for b in published)
        of = "the laboratory" if n == 1 else f"{n} laboratories"
        state = _place(model.median, low, high)
        where = f", {state} the spread of {of}, {low:.3g} to {high:.3g}{unit}"
        if any(b.from_memory for b in published):
            where += " (quoted from memory)"
    for own in (b for b in biology if b.recording):
        if own.n == 1:
            where += f"; {own.laboratory} has {own.low:.3g}{unit}"
            continue
        state = _place(model.median, own.low, own.high)
        where += f"; {state} the middle half of {own.laboratory}, {own.low:.3g} to {own.high:.3g}"
    failed = ""
    if gate.failures:
        verdict = "says nothing" if low is None or high is None else "is no agreement"
        failed = f". This {verdict}: {'; '.join(gate.failures)}"
    return f"The model has {what}{where}{failed}."


def _place(value: float, low: float, high: float) -> str:
    return "below" if value < low else "above" if value > high else "inside"


def _columns(parameters: Parameters, quick: bool) -> Check:
    """Return whether enough columns of the dictionary are Gabor functions."""
    n = min(N_COLUMNS_QUICK if quick else N_COLUMNS, parameters.n_neurons)
    some = np.linspace(0, parameters.n_neurons - 1, n).astype(int)
    text = f"{n} columns of the dictionary fit a Gabor function (R2 above {WELL_FITTED:g})"
    if len(parameters.stimulus_shape) != 2 or min(parameters.stimulus_shape) < 4:
        return least("columns", 0.0, LEAST_FITTED, text)
    fields = parameters.dictionary[:, some].T.reshape(-1, *parameters.stimulus_shape)
    good = [bool(np.ptp(f) > 0 and fit_gabor(f).r_squared > WELL_FITTED) for f in fields]
    return least("columns", float(np.mean(good)), LEAST_FITTED, text)


def _figures(properties, subjects, columns: Check, r2) -> dict[str, float | int | None]:
    by_name = {one.name: one for one in properties}
    figures: dict[str, float | int | None] = {
        "n_properties": sum(one.shipped is not None for one in properties),
        "n_comparable": sum(one.spread[0] is not None for one in properties),
        "n_agree_shipped": sum(bool(p.shipped and p.shipped.agrees) for p in properties),
        "n_agree_preset": sum(bool(p.preset and p.preset.agrees) for p in properties),
        "r2_shipped": r2[SHIPPED],
        "r2_preset": r2.get(PRESET),
        "gabor_fraction": columns.value,
    }
    for key, suffix in ((SHIPPED, ""), (PRESET, "_preset")):
        for figure, name in KS_FIGURES.items():
            found = getattr(by_name[name], key)
            figures[figure + suffix] = None if found is None else found.distance
        figures |= {f"{name}{suffix}": value for name, value in _latency(subjects.get(key)).items()}
    return figures


def _latency(subject: Subject | None) -> dict[str, float | None]:
    """Return the part of responsive neurons that are later at low contrast, and by how much."""
    nothing: dict[str, float | None] = {"latency_sign_fraction": None, "latency_shift_ms": None}
    try:
        found = latencies(subject.recording("flashes")) if subject else None
    except ValueError:
        found = None
    if found is None:
        return nothing
    shifts = found.shift_ms[np.isfinite(found.shift_ms) & ~found.at_limit]
    if not len(shifts):
        return nothing
    return {
        "latency_sign_fraction": float((shifts > 0).mean()),
        "latency_shift_ms": float(np.median(shifts)),
    }

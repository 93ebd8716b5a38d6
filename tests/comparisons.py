"""A small comparison with numbers that were made up, for tests of what is written and drawn."""

import numpy as np

from ipvae_brian.physiology import (
    Biology,
    Check,
    Comparison,
    Curve,
    Distribution,
    Gate,
    Measured,
    Property,
)


def _lab(name, preparation, low, median, high, **others):
    return Biology(
        laboratory=name,
        species="macaque",
        preparation=preparation,
        source=f"{name}, J. Imaginary Sci. 1:1",
        statistic="as in the model",
        n=300,
        low=low,
        high=high,
        percentiles={5.0: low / 2, 25.0: low, 50.0: median, 75.0: high, 95.0: 1.5 * high},
        **others,
    )


def _measured(values, agrees, sentence, *, distance=0.3, passed=True, **window):
    checks = (Check("neurons", len(values), 20, True, f"{len(values)} neurons, at least 20"),)
    if not passed:
        text = "31% of columns fit a Gabor function, at least 50% are needed"
        checks += (Check("Gabor fits", 0.31, 0.5, False, text),)
    model = Distribution.of(values, **window)
    return Measured(
        model, distance, (distance - 0.05, distance + 0.06), agrees, Gate(checks), sentence
    )


def example() -> Comparison:
    """Four properties: one that agrees, one whose gate fails, one without biology, one missing."""
    rng = np.random.default_rng(0)
    circular = Property(
        name="circular_variance",
        title="Circular variance of orientation",
        unit="",
        group="Orientation",
        meaning="0 for a neuron that fires at one orientation only, 1 without preference.",
        protocol="Drifting gratings, 36 orientations, contrast 0.3",
        biology=(
            _lab("Ringach 2002", "anaesthetised", 0.34, 0.61, 0.78, distance=0.67),
            _lab("Ecker 2010", "awake", 0.46, 0.66, 0.83, distance=0.75, window_ms=500.0,
                 window_tau=25.0),
            _lab("mine.nwb", "", 0.2, 0.5, 0.9, distance=0.6, recording=True,
                 problems=("40% of tuning curves have a second peak, at most 20%",)),
        ),
        shipped=_measured(
            rng.beta(1, 9, 300), False, "0.09, below all laboratories.", distance=0.67
        ),
        preset=_measured(rng.beta(5, 4, 280), True, "0.56, inside the spread.", distance=0.15),
    )  # fmt: skip
    fano = Property(
        name="fano_factor",
        title="Fano factor",
        unit="",
        group="Variability",
        meaning="Variance over mean of spike counts over repeats; 1 for Poisson.",
        protocol="Natural images, 24 x 27 repeats",
        biology=(
            _lab("Henaff 2021", "anaesthetised", 1.45, 1.79, 2.3, window_ms=200.0, window_tau=10.0),
            _lab("Ecker 2010", "awake", 0.79, 0.97, 1.17, window_ms=500.0, window_tau=25.0),
        ),
        shipped=_measured(
            rng.gamma(9, 0.02, 512), False, "0.17, more regular.", distance=0.95, window_ms=200.0,
            window_tau=10.0,
        ),
        preset=_measured(
            rng.gamma(9, 0.2, 500), False, "1.7, but the gate fails.", distance=0.12, passed=False,
            window_ms=200.0, window_tau=4.0,
        ),
    )  # fmt: skip
    direction = Property(
        name="direction_selectivity",
        title="Direction selectivity",
        unit="",
        group="Orientation",
        meaning="Length of the mean vector over directions.",
        protocol="Drifting gratings, 72 directions",
        biology=(),
        shipped=Measured(
            Distribution.of(rng.beta(1, 40, 512)), None, None, None, Gate(), "0.02; no biology."
        ),
    )
    quenching = Property(
        name="onset_quenching",
        title="Fall of the Fano factor at stimulus onset",
        unit="%",
        group="Variability",
        meaning="Mean-matched Fano factor before and after the onset.",
        protocol="Natural images, 24 x 27 repeats",
        biology=(
            Biology("Churchland 2010", "macaque, cat", "", "Nature Neurosci. 13:369", "sign", 14,
                    0.0, 100.0, from_memory=True),
        ),
        shipped=None,
        problem="mean counts at different times have nothing in common: there are no spikes before",
        problem_preset="not run",
    )  # fmt: skip
    x = [0.05, 0.1, 0.2, 0.4, 0.8]
    contrast = Curve(
        "contrast_response",
        "Response to contrast",
        "Contrast",
        "Rate (Hz)",
        (("shipped", x, [1.0, 2.0, 4.0, 8.0, 16.0]), ("preset", x, [3.0, 8.0, 14.0, 18.0, 19.0])),
    )
    return Comparison(
        model="example-512",
        settings={
            "shipped": {"tau_ms": 20.0, "gain": 6.0, "r2": 0.889},
            "preset": {"tau_ms": 50.0, "gain": 6.0, "leak": 0.5, "shared_gain": 0.45, "r2": 0.8},
        },
        properties=(circular, fano, direction, quenching),
        figures={
            "n_properties": 3,
            "n_comparable": 3,
            "n_agree_shipped": 0,
            "n_agree_preset": 1,
            "r2_shipped": 0.889,
            "r2_preset": 0.8,
            "fano_ks": 0.95,
            "latency_sign_fraction": None,
        },
        protocols=(
            {"name": "drifting", "text": "Drifting gratings, 36 orientations, contrast 0.3",
             "n_conditions": 144, "n_trials": 576, "trial_ms": 1200.0},
        ),
        recordings=(
            {"name": "mine.nwb", "n_trials": 480, "n_units": 31, "measured": ["circular_variance"],
             "not_measured": [{"property": "fano_factor", "reason": "too few repeats"}]},
        ),
        curves=(contrast,),
        vary=(
            {"setting": "gain", "value": 3.0, "unchanged": False, "r2": 0.88,
             "distances": {"circular_variance": 0.6}, "medians": {"circular_variance": 0.1}},
            {"setting": "gain", "value": 6.0, "unchanged": True, "r2": 0.889,
             "distances": {"circular_variance": 0.67}, "medians": {"circular_variance": 0.08}},
        ),
        about={"version": "0", "date": "2026-01-01", "seconds": 300.0, "quick": False, "seed": 0,
               "command": "ipvae compare example-512 --out DIR"},
    )  # fmt: skip

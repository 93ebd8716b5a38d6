"""How spikes vary: between repeats of the same image, and in time."""

from __future__ import annotations

import numpy as np
from brian2.only import ms, second
from numpy.typing import NDArray

from ipvae_brian.physiology.intervals import interval_statistics
from ipvae_brian.physiology.measured import Check
from ipvae_brian.physiology.properties.conditions import require
from ipvae_brian.physiology.properties.specification import Sample, Specification, sample, single
from ipvae_brian.physiology.trials import ROUNDING, windows_in
from ipvae_brian.physiology.variability import (
    CountStatistics,
    count_statistics,
    mean_matched_fano,
    noise_correlations,
)
from ipvae_brian.recordings.recording import Recording

# In milliseconds: of the published counts, where stimuli last as long.
WINDOW_MS = 200.0
# Windows of other lengths, by this factor, give other Fano factors.
SIMILAR = 1.5
# Of the Fano factor in the course of a trial.
COURSE_MS = 50.0
# In Hz, before the onset.
LOWEST_RATE = 0.2
# After the onset of an image, when rates no longer change.
SETTLED_MS = 400.0


def _window(recording: Recording):
    """Return 200 ms from the onset, or what there is of them."""
    windows = windows_in(recording, None)
    length = (windows.stop - windows.start) * recording.timing.window * 1e3
    begin = recording.timing.window_starts[windows.start] * 1e3
    wanted = min(WINDOW_MS, length)
    return begin * ms, (begin + max(wanted, recording.timing.window * 1e3)) * ms


def _same_window(duration: float) -> Check:
    length = duration * 1e3
    passed = bool(WINDOW_MS / SIMILAR <= length <= WINDOW_MS * SIMILAR)
    text = f"spikes are counted in {length:g} ms, published ones in {WINDOW_MS:g} ms"
    return Check("window", length, WINDOW_MS, passed, text)


def _statistics(recording: Recording) -> CountStatistics:
    return count_statistics(recording, window=_window(recording))


def fano_factor(recording: Recording) -> Sample:
    """Return variance over mean of counts over repeats, the geometric mean over conditions."""
    found = _statistics(recording)
    return _of_counts(found.fano_factor(), found.duration)


def gain_variance(recording: Recording) -> Sample:
    """Return sigma_G^2 of variance = mean + sigma_G^2 mean^2."""
    found = _statistics(recording)
    return _of_counts(found.gain_variance(), found.duration)


def _of_counts(values: NDArray, duration: float) -> Sample:
    return sample(values, _same_window(duration), window_ms=duration * 1e3)


def noise_correlation(recording: Recording) -> Sample:
    """Return the correlation of every pair's counts, z-scored for each condition."""
    found = noise_correlations(recording, window=_window(recording))
    return _of_counts(found.correlations, found.duration)


def quenching(recording: Recording) -> Sample:
    """Return by how many percent the mean-matched Fano factor falls at the onset."""
    timing = recording.timing
    before = timing.before * 1e3
    if before < 2 * COURSE_MS:
        raise ValueError(
            f"it needs {2 * COURSE_MS:g} ms before the onset of the stimulus, there are {before:g}"
        )
    width = COURSE_MS
    if recording.spikes is None:
        width = max(round(COURSE_MS / (timing.window * 1e3)), 1) * timing.window * 1e3
    begin = -min(before, 4 * width)
    course = mean_matched_fano(recording, window=(begin * ms, 4 * width * ms), width=width * ms)
    # A window in which the stimulus begins is neither.
    early, late = course.times <= -width / 2e3 + ROUNDING, course.times > width / 1e3
    first, then = course.matched[early].mean(), course.matched[late].mean()
    rate = float(course.mean_counts[early].mean() / course.width)
    note = (
        f"from {first:.2f} to {then:.2f}; {course.n_matched} neurons times conditions matched at "
        "each time"
    )
    checks = (
        Check(
            "matched",
            course.n_matched,
            50,
            course.n_matched >= 50,
            f"{course.n_matched} neurons times conditions are matched, at least 50 are needed",
        ),
        Check(
            "rate before",
            rate,
            LOWEST_RATE,
            rate >= LOWEST_RATE,
            f"{rate:.2g} Hz before the onset, at least {LOWEST_RATE:g} are needed: the Fano factor "
            "of a neuron that hardly fires is 1, whatever it does",
        ),
    )
    return single(float(100 * (first - then) / first), *checks, window_ms=width, note=note)


def _intervals(name: str):
    def measure(recording: Recording) -> Sample:
        if recording.spikes is None:
            raise ValueError("it needs spike times")
        return sample(getattr(interval_statistics(recording, minimum_intervals=30), name))

    return measure


def steady_intervals(recording: Recording) -> Sample:
    """Return the mean over images of the coefficient of variation, once rates have settled."""
    require(recording, "image")
    if recording.spikes is None:
        raise ValueError("it needs spike times")
    timing = recording.timing
    end = timing.window_ends[windows_in(recording, None).stop - 1]
    begin = timing.frame_onsets[0] + SETTLED_MS / 1e3
    if end - begin < SETTLED_MS / 1e3:
        raise ValueError(
            f"it needs images that are shown for at least {2 * SETTLED_MS:g} ms, there are "
            f"{1e3 * (end - begin) + SETTLED_MS:g}"
        )
    found = []
    for image in np.unique(recording.conditions["image"]):
        try:
            statistics = interval_statistics(
                recording, where={"image": image}, window=(begin * second, end * second)
            )
        except ValueError:
            # No neuron fires enough while this image is shown.
            continue
        found.append(statistics.cv)
    if not found:
        raise ValueError("no neuron fires enough while any of the images is shown")
    values = np.array(found)
    fired = np.isfinite(values)
    n = fired.sum(axis=0)
    means = np.where(fired, values, 0).sum(axis=0) / np.maximum(n, 1)
    note = f"from {SETTLED_MS:g} ms after the onset on, of each image by itself"
    return sample(np.where(n > 0, means, np.nan), note=note)


_GROUP = "Variability"
_REPEATS = "repeated_images"

PROPERTIES = (
    Specification(
        "fano_factor",
        "Fano factor",
        "",
        _GROUP,
        "Variance over mean of spike counts over repeats of an image, geometric mean over images; "
        "1 for Poisson counts. It depends on the window.",
        _REPEATS,
        fano_factor,
    ),
    Specification(
        "gain_variance",
        "Variance of the gain",
        "",
        _GROUP,
        "sigma_G^2 in variance = mean + sigma_G^2 mean^2: 0 for Poisson counts, below 0 for more "
        "regular ones.",
        _REPEATS,
        gain_variance,
    ),
    Specification(
        "noise_correlation",
        "Noise correlation",
        "",
        _GROUP,
        "Correlation of two neurons' counts over repeats, z-scored for each image. Laboratories "
        "differ fifteen-fold.",
        _REPEATS,
        noise_correlation,
    ),
    Specification(
        "onset_quenching",
        "Fall of the Fano factor at the onset",
        "%",
        _GROUP,
        "By how much the mean-matched Fano factor falls from before the onset of the stimulus to "
        "after it.",
        _REPEATS,
        quenching,
        single=True,
    ),
    Specification(
        "isi_cv",
        "Coefficient of variation of interspike intervals",
        "",
        _GROUP,
        "Of a train during white noise: 1 for a Poisson process, and changes of the rate with "
        "every frame add to it.",
        "white_noise",
        _intervals("cv"),
    ),
    Specification(
        "steady_isi_cv",
        "Coefficient of variation of interspike intervals at a steady rate",
        "",
        _GROUP,
        "Of the train during one image, when the rate has settled: 1 for a Poisson process, 0 for "
        "a clock. The published ones are corrected for changes of the rate.",
        "held_images",
        steady_intervals,
    ),
    Specification(
        "isi_cv2",
        "CV2 of neighbouring interspike intervals",
        "",
        _GROUP,
        "As CV, of neighbouring intervals, which changes of the rate hardly touch.",
        "white_noise",
        _intervals("cv2"),
    ),
)

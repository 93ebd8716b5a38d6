"""Receptive fields: spike-triggered averages of what was shown, and Gabor functions fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from ipvae_brian._tools.checks import finite_array, whole_number
from ipvae_brian.physiology.trials import require_recording
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.stimuli.drawings import Grid

# Cycles per pixel: from a tenth of a cycle in a patch of 10 pixels to a diagonal checkerboard.
FREQUENCIES = 0.01, 0.71
# In pixels; narrower, a field is within one.
NARROWEST = 0.4
# Points of the spectrum in which the first guess of a frequency is looked for.
SPECTRUM = 64
# Degrees from the preferred orientation at which a half bandwidth may end.
TURNS = np.linspace(0, 90, 901)
# A fit this good ends the search.
GOOD_ENOUGH = 0.98


@dataclass(frozen=True)
class SpikeTriggeredAverage:
    """Mean stimulus before a spike, less the mean stimulus.

    Attributes
    ----------
    averages : numpy.ndarray, shape (n_lags, n_neurons, n_pixels)
        Lag 0 is the frame in which the spike falls, lag 1 the one before. NaN for a neuron with too
        few spikes.
    n_spikes : numpy.ndarray of int, shape (n_neurons,)
        That went into them.
    """

    averages: NDArray[np.floating]
    n_spikes: NDArray[np.integer]

    @property
    def best_lag(self) -> NDArray[np.integer]:
        """The lag at which the average is largest, (n_neurons,)."""
        return np.nan_to_num(np.linalg.norm(self.averages, axis=2)).argmax(axis=0)

    @property
    def fields(self) -> NDArray[np.floating]:
        """The average at the best lag, (n_neurons, n_pixels)."""
        return self.averages[self.best_lag, np.arange(self.averages.shape[1])]


def spike_triggered_average(
    recording: Recording, n_lags: int = 5, *, first_frame: int = 0, minimum_spikes: int = 100
) -> SpikeTriggeredAverage:
    """Return the mean frame at each lag before a spike, for every neuron.

    It is the receptive field of a neuron that is linear but for its threshold, if frames are white
    noise.

    Parameters
    ----------
    recording : Recording
        With frames. If these are no whole windows of counts, with spike times, too.
    n_lags : int, default 5
    first_frame : int, default 0
        Frames before it, such as the grey before a stimulus, are left out.
    minimum_spikes : int, default 100
        That a neuron needs. The error of each pixel is its standard deviation in the stimulus over
        the root of the number of spikes.

    Raises
    ------
    TypeError, ValueError
        If frames are not known, are fewer than lags, or no neuron has enough spikes.

    References
    ----------
    Chichilnisky 2001, Network 12:199.

    Examples
    --------
    A neuron that fires when its first pixel is bright.

    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import spike_triggered_average
    >>> frames = np.random.default_rng(0).normal(size=(1, 2000, 4))
    >>> counts = (frames[:, :, :1] > 1).astype(int)
    >>> timing = Timing(dt=0.01, n_steps=2000, steps_per_window=1, frame_steps=[1] * 2000)
    >>> found = spike_triggered_average(Recording(counts, timing, frames=frames), n_lags=3)
    >>> found.best_lag, abs(found.fields.round(0))
    (array([0]), array([[2., 0., 0., 0.]]))
    """
    n_lags = whole_number(n_lags, "n_lags")
    first_frame = whole_number(first_frame, "first_frame", minimum=0)
    minimum_spikes = whole_number(minimum_spikes, "minimum_spikes")
    require_recording(recording)
    frames = recording._known_frames()[:, first_frame:]
    n_used = frames.shape[1] - n_lags + 1
    if n_used < 1:
        raise ValueError(
            f"recording must have at least {n_lags} frames from frame {first_frame} on, got "
            f"{frames.shape[1]}"
        )
    numbers = recording.stimulus_numbers
    numbers = np.arange(recording.n_trials) if numbers is None else numbers
    sums = np.zeros((n_lags, recording.n_neurons, recording.n_pixels))
    means = np.zeros((n_lags, recording.n_pixels))
    n_spikes = np.zeros(recording.n_neurons, int)
    for stimulus in np.unique(numbers):
        trials = np.flatnonzero(numbers == stimulus)
        counts = _counts_by_frame(recording, trials)[first_frame + n_lags - 1 :]
        n_spikes += counts.sum(axis=0)
        for lag in range(n_lags):
            begin = n_lags - 1 - lag
            shown = frames[stimulus, begin : begin + n_used].astype(float)
            sums[lag] += counts.T.astype(float) @ shown
            means[lag] += shown.mean(axis=0) * len(trials) / recording.n_trials
    if n_spikes.max() < minimum_spikes:
        raise ValueError(f"no neuron has {minimum_spikes} spikes; the most is {n_spikes.max()}")
    enough = np.where(n_spikes >= minimum_spikes, n_spikes, np.nan)
    return SpikeTriggeredAverage(sums / enough[:, None] - means[:, None], n_spikes)


def _counts_by_frame(recording, trials):
    """Return the spikes in each frame, of some trials together, (n_frames, n_neurons)."""
    timing = recording.timing
    edges, per_window = timing.frame_edges, timing.steps_per_window
    if not (edges % per_window).any() and edges[-1] // per_window <= timing.n_windows:
        so_far = recording.counts[trials].sum(axis=0, dtype=np.int64).cumsum(axis=0)
        so_far = np.concatenate([np.zeros((1, recording.n_neurons), np.int64), so_far])
        return np.diff(so_far[edges // per_window], axis=0)
    spikes = recording.select(trials)._recorded_spikes()
    frame = np.searchsorted(edges, timing.steps_of(spikes.time), side="right") - 1
    shown = (frame >= 0) & (frame < len(edges) - 1)
    counts = np.zeros((len(edges) - 1, recording.n_neurons), np.int64)
    np.add.at(counts, (frame[shown], spikes.neuron[shown]), spikes.count[shown])
    return counts


@dataclass(frozen=True)
class GaborFit:
    """A Gabor function: a grating in a Gaussian envelope, of which one axis is the grating's.

    Attributes
    ----------
    x, y : float
        Its centre, in pixels to the right of and above the middle of the field.
    orientation : float
        Of its bars, in degrees counterclockwise from horizontal, 0 to 180.
    frequency : float
        Cycles per pixel.
    phase : float
        Degrees: at 0, a bright bar runs through the centre.
    sigma_x, sigma_y : float
        Width across the bars and length along them: standard deviations, in pixels.
    amplitude : float
    r_squared : float
        Part of the variance over pixels that it explains.
    shape : (int, int)
        Of the field.
    """

    x: float
    y: float
    orientation: float
    frequency: float
    phase: float
    sigma_x: float
    sigma_y: float
    amplitude: float
    r_squared: float
    shape: tuple[int, int]

    @property
    def nx(self) -> float:
        """Width in cycles, sigma_x times frequency."""
        return self.sigma_x * self.frequency

    @property
    def ny(self) -> float:
        """Length in cycles, sigma_y times frequency."""
        return self.sigma_y * self.frequency

    @property
    def half_bandwidth(self) -> float:
        """Half width of orientation tuning, in degrees, of a neuron that sums up this field.

        From the preferred orientation to where the response to drifting gratings of the preferred
        frequency has fallen to 1/sqrt(2); NaN if it does not fall so far. It is the amplitude
        spectrum on the circle of that frequency, so the field is taken as unbounded.
        """
        angle = np.deg2rad(TURNS)
        along = self.ny * np.sin(angle)
        near, far = (
            np.exp(-2 * np.pi**2 * ((self.nx * (np.cos(angle) - sign)) ** 2 + along**2))
            for sign in (1, -1)
        )
        # Of the two waves that make up a cosine, each answers a grating with its own phase.
        phases = 2 * near * far * np.cos(2 * np.deg2rad(self.phase))
        response = np.sqrt(near**2 + far**2 + phases)
        (below,) = np.nonzero(response < response[0] / np.sqrt(2))
        return float(TURNS[below[0]]) if len(below) else float("nan")

    @property
    def field(self) -> NDArray[np.floating]:
        """The function itself, (height, width)."""
        angle = np.deg2rad(self.orientation - 90)
        place = self.x, self.y, angle, self.frequency, self.sigma_x, self.sigma_y
        phase = np.deg2rad(self.phase)
        waves = np.stack([np.cos(phase), np.sin(phase)]) @ _waves(place, self.shape).T
        return self.amplitude * waves.reshape(self.shape)


def fit_gabor(field: ArrayLike) -> GaborFit:
    """Return the Gabor function nearest to a receptive field.

    Least squares over place, orientation, frequency, width and length, from several starts; for
    each of these, amplitude and phase are linear and have their best values.

    Parameters
    ----------
    field : array_like, shape (height, width)
        At least 4 by 4 pixels.

    Returns
    -------
    GaborFit
        Below an `r_squared` of about .5 the field is no Gabor function, and the rest says nothing.

    Raises
    ------
    TypeError, ValueError
        If the field is too small or flat.

    References
    ----------
    Jones & Palmer 1987, J. Neurophysiol. 58:1233; nx and ny as in Ringach 2002, 88:455.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import fit_gabor
    >>> y, x = np.mgrid[7.5:-8:-1, -7.5:8]
    >>> field = np.exp(-(x**2 + (y / 2) ** 2) / 8) * np.cos(2 * np.pi * x / 8)
    >>> fit = fit_gabor(field)
    >>> round(fit.orientation) % 180, round(fit.nx, 2), round(fit.ny, 2), round(fit.r_squared, 2)
    (90, 0.25, 0.5, 1.0)
    """
    field = finite_array(field, "field", ndim=2)
    if min(field.shape) < 4:
        raise ValueError(f"field must have at least 4 x 4 pixels, got {field.shape}")
    total = ((field - field.mean()) ** 2).sum()
    if np.ptp(field) <= 1e-12 * np.abs(field).max():
        raise ValueError("field must not be flat")
    pixels = field.ravel() / np.abs(field).max()
    height, width = field.shape
    longest = 1.5 * max(field.shape)
    lower = [-width / 2, -height / 2, -np.inf, FREQUENCIES[0], NARROWEST, NARROWEST]
    upper = [width / 2, height / 2, np.inf, FREQUENCIES[1], longest, longest]

    def residuals(place):
        waves = _waves(place, field.shape)
        return waves @ _best(waves, pixels) - pixels

    best = None
    for start in _starts(field):
        start = np.clip(start, np.array(lower) + 1e-6, np.array(upper) - 1e-6)
        found = least_squares(residuals, start, bounds=(lower, upper), max_nfev=100)
        if best is None or found.cost < best.cost:
            best = found
        if 2 * best.cost * np.abs(field).max() ** 2 < (1 - GOOD_ENOUGH) * total:
            break
    assert best is not None
    x, y, angle, frequency, sigma_x, sigma_y = map(float, best.x)
    cosine, sine = _best(_waves(best.x, field.shape), field.ravel())
    error = 2 * best.cost * np.abs(field).max() ** 2
    orientation = np.mod(np.rad2deg(angle) + 90, 180)
    # A grating that is turned by 180 degrees is the same with the opposite phase.
    turned = round((np.rad2deg(angle) + 90 - orientation) / 180) % 2
    phase = np.rad2deg(np.arctan2(-sine if turned else sine, cosine))
    amplitude = float(np.hypot(cosine, sine))
    return GaborFit(
        x=x,
        y=y,
        orientation=float(orientation),
        frequency=frequency,
        phase=float(phase),
        sigma_x=sigma_x,
        sigma_y=sigma_y,
        amplitude=amplitude,
        r_squared=float(1 - error / total),
        shape=field.shape,
    )


def _waves(place, shape):
    """Return cosine and sine in their envelope, (n_pixels, 2)."""
    x, y, angle, frequency, sigma_x, sigma_y = place
    grid = Grid(shape)
    right, up = grid.x - x, grid.y - y
    across = right * np.cos(angle) + up * np.sin(angle)
    along = up * np.cos(angle) - right * np.sin(angle)
    envelope = np.exp(-((across / sigma_x) ** 2 + (along / sigma_y) ** 2) / 2)
    cycles = 2 * np.pi * frequency * across
    return np.stack([envelope * np.cos(cycles), envelope * np.sin(cycles)], axis=-1).reshape(-1, 2)


def _best(waves, pixels):
    return np.linalg.lstsq(waves, pixels, rcond=None)[0]


def _starts(field):
    """Yield first guesses, the likeliest first: the two best frequencies, two sizes each."""
    grid = Grid(field.shape)
    energy = field**2 / (field**2).sum()
    x, y = (energy * grid.x).sum(), (energy * grid.y).sum()
    size = np.sqrt((energy * ((grid.x - x) ** 2 + (grid.y - y) ** 2)).sum() / 2)
    spectrum = np.abs(np.fft.rfft2(field - field.mean(), (SPECTRUM, SPECTRUM)))
    for _ in range(2):
        row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
        # Rows count downwards.
        up, right = -np.fft.fftfreq(SPECTRUM)[row], np.fft.rfftfreq(SPECTRUM)[column]
        for scale in (1, 0.5):
            place = x, y, np.arctan2(up, right), np.hypot(up, right)
            yield np.array([*place, max(scale * size, 1), max(scale * size, 1)])
        # Next, what is beyond the reach of this peak.
        near = SPECTRUM // max(field.shape)
        rows = np.arange(row - near, row + near + 1) % SPECTRUM
        spectrum[rows, max(column - near, 0) : column + near + 1] = 0

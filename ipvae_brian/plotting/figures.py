"""Figures of responses and dictionaries, on your own Axes or on new ones.

Every function draws on the Axes it is given, or on a new figure from `matplotlib.pyplot`, and
returns what it drew on. Times are in milliseconds. Matplotlib is imported by the first call; its
settings are left as they are, and nothing is shown: that is for ``plt.show()`` or the notebook.
"""

import numpy as np

from ipvae_brian._tools.checks import finite_array, whole_number

# Okabe & Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DARK, GREY, SHADE = "#333333", "#BBBBBB", "#E8E8E8"
SMALL = "small"
N_TRACES = 6
N_PATCHES = 8
N_STRIPS = 6


def plot_membrane_traces(response, neurons=None, stimulus=0, ax=None):
    """Plot recorded membrane potentials one above the other, with their spikes as ticks on top.

    The potential is the logarithm of the firing rate in expected spikes per tau; a scale bar on
    the right shows its size. The grey line of each neuron is at 0, one expected spike per tau.

    Parameters
    ----------
    response : Response
        With potentials recorded.
    neurons : iterable of int, optional
        Which of the recorded neurons, from top to bottom; by default the six that spiked most.
    stimulus : int, default 0
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        A tick of its vertical axis is at potential 0 of each neuron.

    Raises
    ------
    ValueError
        If no potentials, or not those of these neurons, were recorded.
    """
    stimulus = _stimulus(response, stimulus)
    neurons = _traced_neurons(response, neurons, stimulus)
    ax = _axes(ax, (7.0, max(2.4, 0.9 + 0.65 * len(neurons))))
    rows = [response.recorded_neurons.index(j) for j in neurons]
    potentials = response.potentials[stimulus, rows]
    counts = response.step_counts[stimulus, rows]
    times = response.timing.step_times * 1e3
    lowest, highest = min(potentials.min(), 0), max(potentials.max(), 0)
    height = max(highest - lowest, 1)
    zeros = -1.3 * height * np.arange(len(neurons))
    ticks = highest + np.array([0.05, 0.17]) * height
    for i, zero in enumerate(zeros):
        colour = COLOURS[i % len(COLOURS)]
        ax.axhline(zero, color=GREY, linewidth=0.6, zorder=0)
        ax.plot(times, potentials[i] + zero, color=colour, linewidth=1)
        spikes = np.repeat(times, counts[i])
        ax.vlines(spikes, *(ticks + zero), color=DARK, linewidth=0.8)
    ax.set_yticks(zeros, [str(j) for j in neurons])
    ax.set_ylim(zeros[-1] + lowest - 0.08 * height, ticks[1] + 0.05 * height)
    ax.set_ylabel("neuron")
    _scale_bar(ax, zeros[-1] + lowest, height)
    return _time_axis(ax, response)


def _traced_neurons(response, neurons, stimulus):
    """Neurons whose potentials are asked for, after checks; by default those that spiked most."""
    recorded = response.recorded_neurons
    if response.potentials is None or not recorded:
        raise ValueError(
            "membrane potentials were not recorded: name the neurons in "
            "SpikingNetwork(..., record_potentials=[0, 1, 2])"
        )
    if neurons is None:
        counts = response.step_counts[stimulus].sum(axis=1)
        most = np.argsort(-counts, kind="stable")[:N_TRACES]
        return [recorded[i] for i in most]
    neurons = [whole_number(j, "neurons", minimum=0) for j in neurons]
    if not neurons:
        raise ValueError("neurons is empty")
    missing = [j for j in neurons if j not in recorded]
    if missing:
        raise ValueError(
            f"neurons: the potential of neuron {missing[0]} was not recorded; add it to "
            f"SpikingNetwork(..., record_potentials=...)"
        )
    return neurons


def _scale_bar(ax, bottom, height):
    """A bar of a round length of potential, to the right of the lowest trace."""
    length = next(n for n in (10, 5, 2, 1, 0.5) if n <= 0.8 * height)
    beside = ax.get_yaxis_transform()
    bar = {"transform": beside, "clip_on": False, "color": DARK}
    ax.plot([1.015, 1.015], [bottom, bottom + length], linewidth=2, solid_capstyle="butt", **bar)
    ax.text(
        1.03,
        bottom,
        f"membrane potential:\n{length:g} (log of spikes per τ)",
        transform=beside,
        rotation=90,
        va="bottom",
        fontsize="x-small",
        color=DARK,
    )


def plot_raster(response, stimulus=0, sort=False, ax=None):
    """Plot every spike of every neuron, with the numbers of neurons and spikes above the plot.

    Several spikes of one neuron in one time step, which are rare for dt << tau, are one dot.

    Parameters
    ----------
    response : Response
        With spikes recorded.
    stimulus : int, default 0
    sort : bool, default False
        Whether to order neurons by their spike count for this stimulus, the most active at the
        bottom; otherwise each is at the height of its number.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        All neurons of the network have a place on the vertical axis.

    Raises
    ------
    ValueError
        If spikes were not recorded.
    """
    return _raster(response, _stimulus(response, stimulus), sort, ax, ())


def _raster(response, stimulus, sort, ax, coloured):
    """The raster; `coloured` neurons have the colours of their membrane traces."""
    from matplotlib.ticker import MaxNLocator

    spikes = _spikes(response)
    ax = _axes(ax, (7.0, 4.2))
    n_neurons = response.counts.shape[2]
    chosen = spikes.trial == stimulus
    neuron, count = spikes.neuron[chosen], spikes.count[chosen]
    times = spikes.time[chosen] * 1e3
    totals = np.bincount(neuron, weights=count, minlength=n_neurons).astype(int)
    places = np.arange(n_neurons)
    if sort:
        places = np.empty(n_neurons, int)
        places[np.argsort(-totals, kind="stable")] = np.arange(n_neurons)
    few = n_neurons <= 50
    dots = {
        "linestyle": "none",
        "marker": "|" if few else ".",
        "markersize": np.clip(200 / n_neurons, 4, 12) if few else np.clip(1500 / n_neurons, 2.2, 4),
        "markeredgewidth": 1.0 if few else 0,
        "rasterized": True,
    }
    plain = ~np.isin(neuron, coloured)
    ax.plot(times[plain], places[neuron[plain]], color=DARK, **dots)
    for i, j in enumerate(coloured):
        own = neuron == j
        dots |= {"markersize": max(dots["markersize"], 4), "color": COLOURS[i % len(COLOURS)]}
        ax.plot(times[own], places[neuron[own]], zorder=3, **dots)
    ax.set_ylim(-0.5 - 0.01 * n_neurons, n_neurons - 0.5 + 0.01 * n_neurons)
    ax.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    ax.set_ylabel("neuron, by spike count" if sort else "neuron")
    active = np.count_nonzero(totals)
    note = f"{active:,} of {n_neurons:,} neurons active, {totals.sum():,} spikes"
    ax.set_title(note, loc="right", fontsize=SMALL, color=DARK)
    return _time_axis(ax, response)


def _spikes(response):
    if response.spikes is None:
        raise ValueError(
            "spike times were not recorded: use SpikingNetwork(..., record_spikes=True)"
        )
    return response.spikes


def plot_dictionary(parameters, n=None, order=None, usage=None, ax=None):
    """Plot columns of the dictionary as images: what one spike of each neuron stands for.

    Each is scaled to its own largest absolute value; mid-grey is zero. They go from left to
    right, then down.

    Parameters
    ----------
    parameters : Parameters
        Of images: `stimulus_shape` has rows and columns.
    n : int, optional
        How many at most; by default all.
    order : array_like of int, optional
        Neurons in the order in which to show them.
    usage : array_like, shape (n_neurons,), optional
        Instead of `order`: the largest first, such as ``IPVAE.mean_counts_``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If stimuli are not images, or `n`, `order` or `usage` do not fit the dictionary.
    """
    rows, columns = _image_shape(parameters)
    chosen = _chosen_neurons(parameters.n_neurons, n, order, usage)
    tiles = parameters.dictionary.T[chosen].reshape(-1, rows, columns)
    largest = np.abs(tiles).max(axis=(1, 2), keepdims=True)
    tiles = np.divide(tiles, largest, out=np.zeros_like(tiles), where=largest > 0)
    across = _tiles_across(len(tiles), columns / rows)
    down = -(-len(tiles) // across)
    # A separator of one pixel, left transparent (NaN), after every row and column of tiles.
    mosaic = np.full((down * across, rows + 1, columns + 1), np.nan)
    mosaic[: len(tiles), :-1, :-1] = tiles
    mosaic = mosaic.reshape(down, across, rows + 1, columns + 1).swapaxes(1, 2)
    mosaic = mosaic.reshape(down * (rows + 1), across * (columns + 1))[:-1, :-1]
    width = np.clip(0.6 * across, 3, 9)
    ax = _axes(ax, (width, width * mosaic.shape[0] / mosaic.shape[1] + 0.3))
    ax.set_facecolor("white")
    _image(ax, mosaic, 1)
    note = f"{len(tiles):,} of {parameters.n_neurons:,} neurons"
    ax.set_title(note + (", most used first" if usage is not None else ""), fontsize=SMALL)
    return ax


def _chosen_neurons(n_neurons, n, order, usage):
    """Indices of the columns to show."""
    if order is not None and usage is not None:
        raise ValueError("order and usage exclude each other: give one of them")
    chosen = np.arange(n_neurons)
    if usage is not None:
        chosen = np.argsort(-finite_array(usage, "usage", shape=(n_neurons,)), kind="stable")
    if order is not None:
        chosen = np.asarray(order)
        if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
            raise ValueError("order must be a list of neurons, whole numbers")
        if chosen.min() < 0 or chosen.max() >= n_neurons:
            raise ValueError(f"order must hold neurons from 0 to {n_neurons - 1}")
    return chosen if n is None else chosen[: whole_number(n, "n")]


def _tiles_across(n, tile_aspect):
    """Tiles in a row of a mosaic that is rather wide and has few empty places."""
    across = np.arange(1, n + 1)
    down = -(-n // across)
    aspect = across * tile_aspect / down
    empty = (across * down - n) / n
    return int(across[np.argmin(np.abs(np.log(aspect / 1.6)) + 12 * empty)])


def plot_reconstructions(response, stimuli=None, window=-1, axes=None):
    """Plot stimuli above what spike counts and firing rates say of them.

    From top to bottom: the stimulus, the reconstruction from the spike counts of one window of
    tau, and the one from the firing rates over the second half of the presentation. The three
    share one grey scale, in which mid-grey is zero.

    Parameters
    ----------
    response : Response
        To images.
    stimuli : iterable of int, optional
        Which stimuli, from left to right; by default the first eight.
    window : int, default -1
        Which window of tau.
    axes : array_like of matplotlib.axes.Axes, shape (3, number of stimuli), optional

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes, shape (3, number of stimuli)

    Raises
    ------
    ValueError
        If stimuli are not images, there is no such stimulus or window, or `axes` has another
        shape.
    """
    shape = _image_shape(response.parameters)
    if stimuli is None:
        stimuli = range(min(N_PATCHES, response.n_stimuli))
    stimuli = [_stimulus(response, i) for i in stimuli]
    if not stimuli:
        raise ValueError("stimuli is empty")
    decoded = [response.reconstruction(window, source) for source in ("counts", "expected_counts")]
    r2 = [response.r2(window, source) for source in ("counts", "expected_counts")]
    shown = response.stimuli[:, window]
    spikes = response.spikes_per_window()[:, window]
    wanted = (3, len(stimuli))
    if axes is None:
        size = (0.5 + 1.05 * len(stimuli), 4.1)
        axes = _figure(size).subplots(*wanted, squeeze=False)
    axes = np.asarray(axes)
    if axes.shape != wanted:
        raise ValueError(f"axes must have shape {wanted}, got {axes.shape}")
    for column, i in zip(axes.T, stimuli, strict=True):
        largest = np.abs(shown[i]).max()
        titles = (
            f"stimulus {i}",
            f"{_r2_text(r2[0][i])}\n{spikes[i]:,} spikes",
            _r2_text(r2[1][i]),
        )
        for ax, pixels, title in zip(column, (shown, *decoded), titles, strict=True):
            _image(ax, pixels[i].reshape(shape), largest)
            ax.set_title(title, fontsize=SMALL)
    for ax, label in zip(axes[:, 0], ("stimulus", "spike counts", "firing rates"), strict=True):
        ax.set_ylabel(label)
    return axes


def plot_convergence(response, ax=None):
    """Plot how the code develops over time: means over stimuli in every window of tau.

    Parameters
    ----------
    response : Response
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With R2, fraction of zeros and distance d on the left axis; spikes of all neurons per tau
        are on a second Axes with a vertical axis on the right.

    Raises
    ------
    ValueError
        If the presentation was shorter than one window.
    """
    course = response.convergence()
    ax = _axes(ax, (6.4, 4.2))
    times = course.time * 1e3
    lines = []
    for values, label, colour, marker in (
        (course.r2, "R²", COLOURS[0], "o"),
        (course.zeros, "zeros", COLOURS[2], "s"),
        (course.distance, "distance", COLOURS[1], "^"),
    ):
        lines += ax.plot(times, values, marker=marker, markersize=4, color=colour, label=label)
    ax.set_ylim(min(0, 1.05 * np.nanmin(course.r2)), max(1, 1.05 * np.nanmax(course.distance)))
    ax.set_ylabel("R², fraction of zeros, distance d")
    right = ax.twinx()
    lines += right.plot(times, course.spikes, color=DARK, linestyle=":", label="spikes per τ")
    right.set_ylim(0, 1.15 * max(course.spikes.max(), 1))
    right.set_ylabel("spikes of all neurons per τ")
    right.spines["top"].set_visible(False)
    ax.legend(
        handles=lines,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=4,
        frameon=False,
        handlelength=1.5,
        columnspacing=1.2,
        fontsize=SMALL,
    )
    _time_axis(ax, response, f"time (ms; windows of τ = {response.timing.window * 1e3:g} ms)")
    return ax


def plot_membrane_and_raster(response, stimulus=0, neurons=None, figure=None):
    """Plot a stimulus, its reconstruction over time, all spikes and some membrane potentials.

    Reconstructions are from the spike counts of one window of tau each; these windows are shaded
    in the raster. Neurons whose potentials are shown have the same colours in both plots.

    Parameters
    ----------
    response : Response
        To images, with spikes and potentials recorded.
    stimulus : int, default 0
    neurons : iterable of int, optional
        As for `plot_membrane_traces`.
    figure : matplotlib.figure.Figure or SubFigure, optional
        An empty one, best with constrained layout.

    Returns
    -------
    matplotlib.figure.Figure or SubFigure
        Its axes are the images, the raster and the membrane traces, in this order.

    Raises
    ------
    ValueError
        If spikes or potentials were not recorded, or stimuli are not images.
    """
    shape = _image_shape(response.parameters)
    stimulus = _stimulus(response, stimulus)
    neurons = _traced_neurons(response, neurons, stimulus)
    _spikes(response)
    response.reconstruction()  # without any window its error comes before an empty figure
    n_windows, tau = response.timing.n_windows, response.timing.window * 1e3
    n_strips = min(N_STRIPS, n_windows)
    windows = np.unique(np.round(np.geomspace(1, n_windows, n_strips)).astype(int)) - 1
    movie = response.frames.shape[1] > 1
    figure = _figure((8.0, 8.8 if movie else 8.0)) if figure is None else figure
    grid = figure.add_gridspec(3, 1, height_ratios=(2.1 if movie else 1.25, 2.5, 3.0))
    columns = len(windows) + (not movie)
    images = grid[0].subgridspec(1 + movie, columns).subplots(squeeze=False)
    raster = figure.add_subplot(grid[1])
    traces = figure.add_subplot(grid[2], sharex=raster)
    shown = response.stimuli[stimulus]
    largest = np.abs(shown).max()
    # Above the reconstructions a movie has its own stimulus in every window; an image is once
    # on their left.
    originals = images[0] if movie else images[0, :1]
    for ax, w in zip(originals, windows, strict=False):
        _image(ax, shown[w].reshape(shape), largest)
    originals[0].set_ylabel("stimulus")
    for ax, w in zip(images[-1, -len(windows) :], windows, strict=True):
        decoded = response.reconstruction(w)[stimulus]
        _image(ax, decoded.reshape(shape), largest)
        when = f"{w * tau:g}–{(w + 1) * tau:g} ms"
        ax.set_title(f"{when}\n{_r2_text(response.r2(w)[stimulus])}", fontsize=SMALL)
        raster.axvspan(w * tau, (w + 1) * tau, color=SHADE, linewidth=0, zorder=0)
        raster.axvline(w * tau, color="white", linewidth=1, zorder=0)
    images[-1, -len(windows)].set_ylabel("spike counts")
    _raster(response, stimulus, False, raster, neurons)
    plot_membrane_traces(response, neurons, stimulus, traces)
    raster.tick_params(labelbottom=False)
    raster.set_xlabel("")
    return figure


# What all figures share


def _figure(size):
    """A new figure that `plt.show()` and notebooks know of."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, layout="constrained")


def _axes(ax, size):
    return _figure(size).subplots() if ax is None else ax


def _time_axis(ax, response, label="time (ms)"):
    ax.set_xlim(0, response.timing.duration * 1e3)
    ax.set_xlabel(label)
    ax.spines["top"].set_visible(False)
    ax.spines["right"].set_visible(False)
    return ax


def _image(ax, pixels, largest):
    """Grey image in which zero is mid-grey and ±`largest` black and white."""
    limit = largest if largest > 0 else 1
    ax.imshow(pixels, cmap="gray", vmin=-limit, vmax=limit)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _r2_text(r2):
    return f"R² {r2:.2f}" if np.isfinite(r2) else "R² undefined"


def _stimulus(response, stimulus):
    """One stimulus of the response, after checks."""
    stimulus = whole_number(stimulus, "stimulus", minimum=0)
    if stimulus >= response.n_stimuli:
        raise ValueError(
            f"stimulus must be below {response.n_stimuli} (the stimuli shown), got {stimulus}"
        )
    return stimulus


def _image_shape(parameters):
    """Rows and columns of a stimulus."""
    if len(parameters.stimulus_shape) != 2:
        raise ValueError(
            "stimuli must be images to be plotted: stimulus_shape is "
            f"{parameters.stimulus_shape}, give Parameters(..., stimulus_shape=(rows, columns))"
        )
    return parameters.stimulus_shape

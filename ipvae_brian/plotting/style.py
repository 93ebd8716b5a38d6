"""Elements that all figures share: colours, time axes, grey images and scales, frame markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.timing import Timing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DARK, GREY, SHADE = "#333333", "#BBBBBB", "#E8E8E8"
SMALL = "small"
# Seconds from which on the axis of time is in seconds.
LONG = 5
# Frames of which every boundary is a line across the plot, and a tick at its edge.
FEW_FRAMES, MANY_FRAMES = 40, 400


def new_figure(size: tuple[float, float]) -> Figure:
    """Return a new figure that `plt.show()` and notebooks know of."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, layout="constrained")


def own_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the Axes given, or those of a new figure."""
    return new_figure(size).subplots() if ax is None else ax


def time_unit(timing: Timing) -> tuple[float, str]:
    """Return what seconds are multiplied by on the axis of time, and the unit that gives."""
    return (1e3, "ms") if timing.duration < LONG else (1.0, "s")


def time_axis(ax: Axes, timing: Timing, note: str = "") -> Axes:
    """Label the axis of time from the beginning to the end of the trial, and mark the frames."""
    scale, unit = time_unit(timing)
    ax.set_xlim(-timing.before * scale, (timing.duration - timing.before) * scale)
    notes = [unit, *([note] if note else []), *_mark_frames(ax, timing)]
    ax.set_xlabel(f"time ({'; '.join(notes)})")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _mark_frames(ax, timing):
    """Mark where a frame follows another, and say how, for the label of the axis."""
    scale, _ = time_unit(timing)
    changes = timing.frame_onsets if timing.before else timing.frame_onsets[1:]
    if not len(changes):
        return []
    n = len(timing.frame_steps)
    if len(changes) > MANY_FRAMES:
        return [f"{n:,} frames"]
    few = len(changes) <= FEW_FRAMES
    ends = (0, 1) if few else (0, 0.02)
    style: dict[str, Any] = {"linewidth": 0.8, "zorder": 0.5, "label": "frames"}
    style |= {"color": GREY if few else DARK, "linestyle": (0, (4, 3)) if few else "-"}
    across = ax.get_xaxis_transform()
    ax.vlines(changes * scale, *ends, transform=across, **style)
    if n == 1:
        return ["dashed: onset of the stimulus"]
    return ["dashed: next frame"] if few else [f"ticks inside: {n} frames"]


def show_image(ax: Axes, pixels: NDArray, largest: float):
    """Draw a grey image in which zero is mid-grey and ±`largest` white and black."""
    limit = largest if largest > 0 else 1
    drawn = ax.imshow(pixels, cmap="gray", vmin=-limit, vmax=limit)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return drawn


def grey_scale(drawn, axes: NDArray, ticks: dict[float, str] | None, label: str) -> None:
    """Draw the scale of grey beside images that share it."""
    bar = axes.flat[0].figure.colorbar(drawn, ax=list(axes.flat), shrink=0.8, aspect=25, pad=0.015)
    if ticks is not None:
        bar.set_ticks(list(ticks), labels=list(ticks.values()))
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)


def r2_text(r2: float) -> str:
    """Return R2 as it stands above an image."""
    return f"R² {r2:.2f}" if np.isfinite(r2) else "R² undefined"


def image_shape(parameters: Parameters) -> tuple[int, int]:
    """Return rows and columns of a stimulus; raise ValueError if it is not an image."""
    shape = parameters.stimulus_shape
    if len(shape) != 2:
        raise ValueError(
            f"stimuli must be images to be plotted: stimulus_shape is {shape}, give "
            "Parameters(..., stimulus_shape=(rows, columns))"
        )
    return shape[0], shape[1]


def spikes_of(recording: Recording):
    """Return recorded spikes, or raise ValueError that says how to record them."""
    if recording.spikes is None:
        raise ValueError(
            "spike times were not recorded: use SpikingNetwork(..., record_spikes=True)"
        )
    return recording.spikes


def is_movie(recording: Recording) -> bool:
    """Return whether more than one frame was shown in a trial."""
    return len(recording.timing.frame_steps) > 1


def windows_of_frames(timing: Timing, n: int) -> list[int]:
    """Return the last whole window of each of up to `n` frames that are spread over a movie."""
    shown = timing.windows_of_stimulus
    n_frames = len(timing.frame_steps)
    frames = np.unique(np.round(np.linspace(0, n_frames - 1, min(n, n_frames))).astype(int))
    last = timing.frame_edges[frames + 1] // timing.steps_per_window - 1
    return np.unique(np.clip(last, shown.start, shown.stop - 1)).tolist()

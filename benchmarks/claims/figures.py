"""The figures of docs/claims.md, drawn from what claims.json holds."""

import json
from functools import cache
from pathlib import Path

import matplotlib

from benchmarks.claims.contest import OURS

PUBLISHED = Path(__file__).with_name("published.json")
# Published models that are drawn, and how.
MARKERS = {
    "poisson": ("o", "iP-VAE, published"),
    "lca": ("s", "LCA, published"),
    "gaussian+relu": ("^", "iterative Gaussian + relu, published"),
    "poisson+amort": ("v", "amortized Poisson, published"),
    "gaussian": ("x", "iterative Gaussian, published"),
}
COLOURS = {"ours": "black", "ours_adaptive": "crimson"}
SETS = {
    "rotated": "rotated digits",
    "fashion": "FashionMNIST",
    "omniglot": "Omniglot",
    "natural": "natural, in [0, 1]",
    "natural_z": "natural, z-scored",
}


@cache
def published():
    """Return the published numbers: mnist, rate_distortion and convergence, by model."""
    return json.loads(PUBLISHED.read_text())


def draw(told, folder):
    """Draw all figures for which there are results.

    Parameters
    ----------
    told : dict
        As `benchmarks.claims.run` writes it to claims.json.
    folder : pathlib.Path

    Returns
    -------
    list of str
        Names of the files.
    """
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    drawn = []
    try:
        for name, function in (
            ("vanhateren", _rate_distortion),
            ("vanhateren", _convergence),
            ("digits", _digits),
            ("outside", _outside),
            ("outside", _outside_steps),
        ):
            if not told["experiments"].get(name, {}).get("cells"):
                continue
            figure = function(plt, told)
            file = f"{function.__name__.lstrip('_')}.png"
            figure.savefig(folder / file, dpi=100, metadata={"Software": None})
            plt.close(figure)
            drawn.append(file)
    finally:
        matplotlib.use(before)
    return drawn


def _style(told, key, n="512"):
    name = told["contestants"].get(key, {"name": key})["name"]
    if key in OURS:
        width = {"512": 2.2, "1024": 1.2}.get(n, 2.2)
        return {"color": COLOURS[key], "lw": width, "zorder": 5, "label": f"{name}, {n}"}
    place = list(told["contestants"]).index(key) if key in told["contestants"] else 0
    colours = matplotlib.colormaps["tab20"].colors
    return {"color": colours[place % 20], "lw": 1, "label": name}


def _by_contestant(cells):
    """Return results by contestant and width: several where a trade-off needs trainings."""
    found = {}
    for name, result in cells.items():
        _, key, n, *_ = name.split("/")
        found.setdefault((key, n), []).append(result)
    return found


def _finish(axes, figure, columns=1):
    axes.legend(fontsize=6.5, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()


def _rate_distortion(plt, told):
    figure, axes = plt.subplots(figsize=(8.5, 4.5))
    for (key, n), results in _by_contestant(told["experiments"]["vanhateren"]["cells"]).items():
        points = [p for r in results for p in ([*r["points"], r["used"]])]
        points = sorted({(p["zeros"], p["r2"]) for p in points})
        axes.plot(*zip(*points, strict=True), marker=".", ms=4, **_style(told, key, n))
    for model, (marker, label) in MARKERS.items():
        points = published()["rate_distortion"].get(model, [])
        axes.scatter(
            *zip(*points, strict=True), marker=marker, s=10, c="0.6", lw=0.7, label=label, zorder=0
        )
    axes.set(xlabel="zeros", ylabel="R2 of held-out patches", xlim=(-0.02, 1), ylim=(0, 1))
    _finish(axes, figure)
    return figure


def _convergence(plt, told):
    figure, axes = plt.subplots(figsize=(8.5, 4))
    for (key, n), results in _by_contestant(told["experiments"]["vanhateren"]["cells"]).items():
        best = min(results, key=lambda result: result["best"]["distance"])
        if len(best["steps"]) > 1:
            points = [(p["n_steps"], p["r2"]) for p in best["steps"]]
            axes.plot(*zip(*points, strict=True), marker=".", ms=4, **_style(told, key, n))
    for model, points in published()["convergence"].items():
        marker, label = MARKERS[model]
        steps, r2, _ = zip(*points, strict=True)
        axes.scatter(steps, r2, marker=marker, s=10, c="0.6", lw=0.7, label=label, zorder=0)
    axes.set(xscale="log", xlabel="steps of inference (ours: tau)", ylabel="R2", ylim=(-0.1, 1))
    _finish(axes, figure)
    return figure


def _digits(plt, told):
    figure, axes = plt.subplots(figsize=(8.5, 4))
    for label, row in told["experiments"]["digits"]["summary"]["rows"].items():
        key, n = label.split("/")
        style = _style(told, key, n)
        mine = key in OURS
        style |= {"label": style["label"] if mine else told["contestants"][key]["name"]}
        axes.plot(
            row["zeros"], row["r2"], **style | {"marker": "o", "ms": 7 if mine else 5, "ls": ""}
        )
    for model, (marker, label) in MARKERS.items():
        row = published()["mnist"].get(model)
        if row:
            axes.scatter(row["zeros"], row["r2"], marker=marker, s=16, c="0.6", lw=0.7, label=label)
    axes.set(xlabel="zeros", ylabel="R2 of test digits", xlim=(-0.02, 1.02), ylim=(None, 1))
    _finish(axes, figure)
    return figure


def _outside(plt, told):
    sets = told["experiments"]["outside"]["summary"]["sets"]
    figure, grid = plt.subplots(1, len(sets), figsize=(2.1 * len(sets) + 2.5, 4.2), sharey=True)
    keys = list(told["contestants"])
    for axes, (name, rows) in zip(
        list(grid) if len(sets) > 1 else [grid], sets.items(), strict=True
    ):
        for place, key in enumerate(reversed(keys)):
            value = rows.get(key, {}).get("r2_at_equal_zeros", {}).get("0.9")
            if value is not None:
                axes.barh(place, max(value, 0), color=COLOURS.get(key, "0.7"))
            whole = rows.get(key, {}).get("r2")
            if whole is not None:
                axes.plot(max(whole, 0), place, marker="|", color="0.2", ms=8)
        axes.set(title=SETS[name], xlim=(0, 1))
        axes.title.set_fontsize(8)
        axes.tick_params(labelsize=7)
        axes.set_yticks(range(len(keys)), [told["contestants"][k]["name"] for k in reversed(keys)])
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.supxlabel("R2 at 90% zeros (bars) and of the code as it is (strokes)", fontsize=8)
    figure.tight_layout()
    return figure


def _outside_steps(plt, told):
    cells = told["experiments"]["outside"]["cells"]
    sets = list(told["experiments"]["outside"]["summary"]["sets"])
    figure, grid = plt.subplots(1, len(sets), figsize=(2.1 * len(sets) + 2.5, 3.2), sharey=True)
    panels = dict(zip(sets, list(grid) if len(sets) > 1 else [grid], strict=True))
    for name, result in cells.items():
        _, key, one = name.split("/")
        points = [(p["n_steps"], max(p["r2"], -0.2)) for p in result["steps"]]
        style = _style(told, key) | {"label": told["contestants"][key]["name"]}
        if len(points) > 1:
            panels[one].plot(*zip(*points, strict=True), **style)
    for name, axes in panels.items():
        axes.set(title=SETS[name], xscale="log", ylim=(-0.2, 1))
        axes.title.set_fontsize(8)
        axes.tick_params(labelsize=7)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    last = panels[sets[-1]]
    last.legend(fontsize=6, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.supxlabel("steps of inference (ours: tau)", fontsize=8)
    panels[sets[0]].set_ylabel("R2")
    figure.tight_layout()
    return figure

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
# Published rows of MNIST beside the contestants that they are of.
PUBLISHED_AS = {
    "poisson_iterative": "poisson",
    "poisson_amortized_conv": "poisson+amort",
    "gaussian_iterative": "gaussian",
    "gaussian_amortized_conv": "gaussian+amort",
    "relu_iterative": "gaussian+relu",
    "relu_amortized_conv": "gaussian+relu+amort",
    "predictive_coding": "pc",
    "incremental_predictive_coding": "ipc",
}
# Of ours, by contestant and number of latents.
COLOURS = {
    ("ours", 512): "black",
    ("ours", 1024): "royalblue",
    ("ours_adaptive", 512): "crimson",
    ("ours_adaptive", 1024): "darkorange",
}
# As wide as a page.
WIDTH = 8.5
# Below this, curves against steps are cut off.
LOWEST_R2 = -0.2
# Where the sparse codes of digits are, enlarged: limits of zeros and of R2.
NEAR = (0.7, 1.0), (0.7, 1.0)
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


def _style(told, key, n=512):
    name = told["contestants"].get(key, {"name": key})["name"]
    if key in OURS:
        colour = COLOURS.get((key, n), COLOURS[key, 512])
        dashes = {"ls": "--"} if n == 1024 else {}
        return {"color": colour, "lw": 2, "zorder": 5, "label": f"{name}, {n}", **dashes}
    rivals = [other for other in told["contestants"] if other not in OURS]
    colours = matplotlib.colormaps["tab20"].colors
    # Published points are grey, and blue is the last resort, since one of ours is.
    colours = (*colours[2:14], *colours[16:], *colours[:2])
    place = rivals.index(key) if key in rivals else 0
    return {"color": colours[place % len(colours)], "lw": 1, "label": name}


def _by_contestant(cells):
    """Return results by contestant and width: several where a trade-off needs trainings."""
    found = {}
    for result in cells.values():
        about = result["about"]
        found.setdefault((about["contestant"], about["n_latents"]), []).append(result)
    return found


def _plain(axes):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _logarithmic(axes):
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")


def _finish(axes, figure):
    axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _plain(axes)
    figure.tight_layout()


def _rate_distortion(plt, told):
    figure, axes = plt.subplots(figsize=(WIDTH, 5))
    for (key, n), results in _by_contestant(told["experiments"]["vanhateren"]["cells"]).items():
        points = [p for r in results for p in ([*r["points"], r["used"]])]
        points = sorted({(p["zeros"], p["r2"]) for p in points})
        axes.plot(*zip(*points, strict=True), marker=".", ms=4, **_style(told, key, n))
    for model, (marker, label) in MARKERS.items():
        points = published()["rate_distortion"].get(model, [])
        axes.scatter(
            *zip(*points, strict=True), marker=marker, s=10, c="0.6", lw=0.7, label=label, zorder=0
        )
    axes.set(xlabel="zeros", ylabel="R2 of held-out patches", xlim=(-0.02, 1), ylim=(0, 1.01))
    _finish(axes, figure)
    return figure


def _convergence(plt, told):
    figure, axes = plt.subplots(figsize=(WIDTH, 4.2))
    for (key, n), results in _by_contestant(told["experiments"]["vanhateren"]["cells"]).items():
        best = min(results, key=lambda result: result["best"]["distance"])
        if len(best["steps"]) > 1:
            points = [(p["n_steps"], p["r2"]) for p in best["steps"]]
            axes.plot(*zip(*points, strict=True), marker=".", ms=4, **_style(told, key, n))
    for model, points in published()["convergence"].items():
        marker, label = MARKERS[model]
        steps, r2, _ = zip(*points, strict=True)
        axes.scatter(steps, r2, marker=marker, s=10, c="0.6", lw=0.7, label=label, zorder=0)
    axes.set(xlabel="steps of inference (ours: tau)", ylabel="R2", ylim=(-0.1, 1.02))
    _logarithmic(axes)
    _finish(axes, figure)
    return figure


def _digits(plt, told):
    figure, (whole, near) = plt.subplots(1, 2, figsize=(WIDTH, 6.2))
    # A quick run has other digits.
    shown = {} if told["quick"] else published()["mnist"]
    for row in told["experiments"]["digits"]["summary"]["rows"]:
        key, shipped = row["contestant"], row["shipped"]
        style = _style(told, key, row["n_latents"])
        style |= {"ls": "", "marker": "D" if shipped else "o"}
        style["ms"] = 7 if key in OURS else 5
        style["label"] += ", as it comes with the package" if shipped else ""
        other = shown.get(PUBLISHED_AS.get(key, ""))
        for axes in (whole, near):
            axes.plot(row["zeros"], row["r2"], **style)
            if other:
                axes.plot(other["zeros"], other["r2"], "x", color=style["color"], ms=7, mew=1.6)
    if shown:
        near.plot([], [], "x", color="0.4", ms=7, mew=1.6, label="published, in the same colour")
    whole.set(xlabel="zeros", ylabel="R2 of test digits", xlim=(-0.03, 1.03), ylim=(None, 1.02))
    near.set(xlabel="zeros, enlarged", xlim=NEAR[0], ylim=NEAR[1])
    for axes in (whole, near):
        _plain(axes)
    lines, names = near.get_legend_handles_labels()
    n_columns = 3
    figure.legend(lines, names, fontsize=7, frameon=False, loc="lower center", ncols=n_columns)
    n_rows = -(-len(names) // n_columns)
    figure.tight_layout(rect=(0, 0.022 * n_rows + 0.02, 1, 1))
    return figure


def _panels(plt, sets, height):
    """Return a figure with a panel for each set, in two rows, and what is left over at the end."""
    n_columns = -(-(len(sets) + 1) // 2)
    figure, grid = plt.subplots(2, n_columns, figsize=(WIDTH, 2 * height), sharey=True)
    panels = dict(zip(sets, grid.flat, strict=False))
    for name, axes in panels.items():
        axes.set_title(SETS[name], fontsize=9)
        axes.tick_params(labelsize=7)
        _plain(axes)
    rest = list(grid.flat)[len(sets) :]
    for axes in rest:
        axes.axis("off")
    return figure, panels, rest[0]


def _nothing(told, axes, rows, column):
    """Say in a panel that is empty how far below it the best contestant is."""
    known = {key: row[column] for key, row in rows.items() if row[column] is not None}
    best = max(known, key=known.get)
    name = told["contestants"].get(best, {"name": best})["name"]
    text = f"nobody's R2 is in this range:\nthe largest is {known[best]:.3g}\n({name})"
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=7)


def _outside(plt, told):
    sets = told["experiments"]["outside"]["summary"]["sets"]
    figure, panels, rest = _panels(plt, sets, 3.6)
    keys = list(reversed(told["contestants"]))
    for name, rows in sets.items():
        axes = panels[name]
        for place, key in enumerate(keys):
            value = rows.get(key, {}).get("r2_at_equal_zeros", {}).get("0.9")
            if value is not None:
                axes.barh(place, max(value, 0), color=COLOURS.get((key, 512), "0.7"))
            whole = rows.get(key, {}).get("r2")
            if whole is not None and whole >= 0:
                axes.plot(whole, place, marker="|", color="0.2", ms=7)
        axes.set_xlim(0, 1)
        axes.set_yticks(range(len(keys)), [told["contestants"][k]["name"] for k in keys])
        if max(row["r2"] for row in rows.values()) <= 0:
            _nothing(told, axes, rows, "r2")
    told_how = "bars: R2 at 90% zeros\n(no bar: 0 or less, or\nno such code)\n\n"
    told_how += "strokes: R2 of the code\nas it is, if above 0"
    rest.text(0.1, 0.5, told_how, transform=rest.transAxes, va="center", fontsize=8)
    figure.tight_layout()
    return figure


def _outside_steps(plt, told):
    sets = told["experiments"]["outside"]["summary"]["sets"]
    figure, panels, rest = _panels(plt, sets, 2.6)
    styles = {}
    for result in told["experiments"]["outside"]["cells"].values():
        key, one = result["about"]["contestant"], result["about"]["label"]
        points = [(p["n_steps"], p["r2"]) for p in result["steps"]]
        if len(points) > 1:
            styles[key] = _style(told, key) | {"label": told["contestants"][key]["name"]}
            panels[one].plot(*zip(*points, strict=True), **styles[key])
    for name, axes in panels.items():
        axes.set_ylim(LOWEST_R2, 1.02)
        _logarithmic(axes)
        lines = [line.get_ydata() for line in axes.get_lines()]
        if lines and max(max(line) for line in lines) < LOWEST_R2:
            _nothing(told, axes, sets[name], "r2")
    lines = [rest.plot([], [], **style)[0] for style in styles.values()]
    rest.legend(handles=lines, fontsize=7, frameon=False, loc="center left")
    figure.supxlabel("steps of inference (ours: tau)", fontsize=8)
    figure.supylabel("R2", fontsize=8)
    figure.tight_layout()
    return figure

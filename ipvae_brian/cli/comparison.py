"""The subcommand `ipvae compare`."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from ipvae_brian._tools.outputs import require_outputs
from ipvae_brian.cli.options import command_line
from ipvae_brian.cli.steps import folder_for, progress
from ipvae_brian.errors import FileFormatError
from ipvae_brian.model.library import load_model
from ipvae_brian.physiology import Comparison
from ipvae_brian.physiology import compare as compare_model
from ipvae_brian.recordings import Recording, load_recording
from ipvae_brian.reports import write_report

FILES = ("report.json", "report.html")


def compare(options: Namespace) -> dict[str, Any]:
    """Compare a model with biology, and write it down."""
    inputs = {"the model": options.model}
    inputs |= {f"--recording {path}": path for path in options.recording}
    out = folder_for(options.out)
    outputs = {"--json": options.json} | {f"{name} in --out": out / name for name in FILES}
    require_outputs(outputs, inputs)
    # Before minutes of work.
    told = {"trials": options.trials, "columns": options.columns}
    if not options.recording and any(told.values()):
        raise ValueError("--trials and --columns say how to read recordings: give --recording, too")
    recordings = {Path(path).name: _read(path, told) for path in options.recording}
    if len(recordings) < len(options.recording):
        raise ValueError("--recording: two files have the same name")
    comparison = compare_model(
        load_model(options.model),
        recordings,
        quick=options.quick,
        vary=options.vary,
        seed=options.seed,
        progress=progress(options),
        command=command_line(options),
    )
    comparison.save(out / "report.json")
    write_report(comparison, out)
    _tell(comparison, options)
    return comparison.to_json()


def _read(path: Path, told: dict[str, Any]) -> Recording:
    """Return a recording; if the file does not say all that is needed, say where to say it."""
    try:
        return load_recording(path, **told)
    except FileFormatError as error:
        hint = (
            "trials= and columns= are --trials and --columns here; with other arguments of "
            "load_recording, read it in Python, and give the file that the recording's save writes"
        )
        raise FileFormatError(f"{error} ({hint})") from error


def _tell(comparison: Comparison, options: Namespace) -> None:
    figures = comparison.figures
    agree = f"{figures['n_agree_shipped']} of {figures['n_comparable']} properties agree"
    if "preset" in comparison.settings:
        agree += f", {figures['n_agree_preset']} with the preset"
    r2 = [f"{figures[k]:.3f}" for k in ("r2_shipped", "r2_preset") if figures.get(k) is not None]
    price = f"; R2 {' and '.join(r2)}" if r2 else ""
    print(f"{comparison.model}: {agree}{price} ({comparison.about['seconds']:.0f} s)")
    for one in comparison.recordings:
        n = len(one["measured"])
        print(
            f"{one['name']}: {n} properties of {one['n_units']} units in {one['n_trials']} trials"
        )
    print(f"{' and '.join(FILES)} in {options.out}")

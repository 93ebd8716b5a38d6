"""Run the experiments behind docs/claims.md: ``python -m benchmarks.claims.run [--quick]``.

Every cell of the tables is kept in a folder, so a run that is stopped goes on where it was. Writes
docs/claims/claims.json, the figures beside it and docs/claims.md; a quick run writes only where it
is told to.
"""

import argparse
import json
import os
import shlex
import sys
import time
from pathlib import Path

from benchmarks.baselines import RIVALS, WITHOUT_TORCH
from benchmarks.claims import ablations, digits, figures, outside, page, vanhateren
from benchmarks.claims.cells import Cells, finish
from benchmarks.claims.contest import ORACLE, Setup
from benchmarks.claims.data import NoData
from benchmarks.machine import REPOSITORY, describe, versions
from ipvae_brian._tools.files import write_bytes, write_json
from ipvae_brian._tools.progress import progress_bar

FORMAT_VERSION = 1
# In the order in which they are reported.
EXPERIMENTS = {
    "vanhateren": vanhateren,
    "digits": digits,
    "outside": outside,
    "ablations": ablations,
}
DOCS = REPOSITORY / "docs"
CACHE = REPOSITORY / "claims_cache"
BUDGET = ("minutes", "seeds", "n_test", "n_codes", "n_choice", "n_outside", "n_patches")
BUDGET += ("n_shipped", "n_values")
QUICK = {
    "minutes": 0.05,
    "seeds": 1,
    "n_test": 300,
    "n_codes": 600,
    "n_choice": 100,
    "n_outside": 100,
    "n_patches": 100,
    "n_values": 1,
    "n_latents": 64,
}


def parser():
    """Return the parser of the command line."""
    top = argparse.ArgumentParser("python -m benchmarks.claims.run", description=__doc__)
    top.add_argument("--quick", action="store_true", help="small digits, no downloads, minutes")
    top.add_argument("--only", type=names_of(EXPERIMENTS), help=f"some of {','.join(EXPERIMENTS)}")
    top.add_argument("--rivals", type=names_of(RIVALS), help="some of them; default all")
    for name, kind, text in (
        ("minutes", float, "of CPU for each training"),
        ("seeds", int, "trainings on digits of each contestant"),
        ("n-test", int, "test digits"),
        ("n-codes", int, "training digits whose codes a classifier learns from"),
        ("n-choice", int, "validation digits on which settings are chosen"),
        ("n-outside", int, "stimuli of each set outside"),
        ("n-patches", int, "held-out natural patches"),
        ("n-shipped", int, "the same for the models that come with the package"),
        ("n-values", int, "trainings for contestants whose trade-off needs them"),
    ):
        top.add_argument(f"--{name}", type=kind, help=text)
    top.add_argument("--digits", type=Path, help="MNIST as .npz; otherwise IPVAE_SHARED or OpenML")
    top.add_argument("--patches", type=Path, help="van Hateren's patches as .npz")
    top.add_argument("--cells", type=Path, help="folder of cells, default claims_cache")
    top.add_argument("--out", type=Path, help="folder for claims.json and figures")
    top.add_argument("--page", type=Path, help="default docs/claims.md")
    text = "cells at a time, each in a process with one thread; default one for each core"
    top.add_argument("--jobs", type=int, default=os.cpu_count(), help=text)
    known = "write what has been computed so far, and compute nothing"
    top.add_argument("--known", action="store_true", help=known)
    top.add_argument("--only-page", action="store_true", help="from the JSON, without computing")
    return top


def names_of(known):
    """Return a function that reads some names, divided by commas, in their own order."""

    def read(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"there are {', '.join(known)}, and no {unknown[0]!r}")
        return tuple(name for name in known if name in names)

    return read


def setup_of(options):
    """Return the setup that the command line asks for."""
    chosen = dict(QUICK) if options.quick else {}
    for name in BUDGET:
        if getattr(options, name) is not None:
            chosen[name] = getattr(options, name)
    folder = options.cells or CACHE / ("quick" if options.quick else "full")
    return Setup(
        Cells(folder),
        quick=options.quick,
        digits=options.digits,
        patches=options.patches,
        rivals=options.rivals or _available(),
        log=lambda text: print(text, flush=True),
        **chosen,
    )


def _available():
    """Return the rivals that work with what is installed."""
    try:
        import torch  # noqa: F401
    except ImportError:
        print("without PyTorch (pip install '.[bench]') only some of the rivals take part")
        return tuple(key for key in RIVALS if key in WITHOUT_TORCH)
    return tuple(RIVALS)


def compute(setup, names, *, jobs=1, only_known=False):
    """Return the results of all cells by experiment and name of the cell, and what is missing.

    An experiment whose stimuli cannot be had is skipped, and a cell that fails is left out; the
    reason is told. With `only_known`, cells that have not been computed are left out and counted.
    """
    found, reasons = {}, {}
    for name in names:
        try:
            found[name] = EXPERIMENTS[name].cells(setup)
        except NoData as error:
            setup.log(f"{name}: skipped: {error}")
            reasons[name] = [str(error)]
    if not only_known:
        _finish(setup, found, reasons, jobs)
    results = {
        name: {cell.name: known for cell in cells if (known := setup.cells.known(cell)) is not None}
        for name, cells in found.items()
    }
    for name, cells in found.items():
        missing = len(cells) - len(results[name])
        if missing:
            said = f"{missing} of {len(cells)} cells are not computed yet"
            reasons.setdefault(name, []).insert(0, said)
    return results, {name: "; ".join(said) for name, said in reasons.items()}


def _finish(setup, found, reasons, jobs):
    """Compute what is not known yet, and note what went wrong among the reasons."""
    to_do = [
        (name, cell)
        for name, cells in found.items()
        for cell in cells
        if setup.cells.known(cell) is None
    ]
    with progress_bar(len(to_do), "cells") as bar:
        for place, error in finish([cell for _, cell in to_do], setup.cells, jobs):
            name, cell = to_do[place]
            bar.update()
            setup.log(f"{cell.name}: {error or 'done'}")
            if error is not None:
                reasons.setdefault(name, []).append(f"{cell.name}: {error}")


def document(setup, results, skipped, command):
    """Return everything that the page is written from, JSON-able."""
    summaries = {name: EXPERIMENTS[name].summary(found) for name, found in results.items()}
    contestants = {
        key: {"name": kind.NAME, "family": kind.FAMILY, "reference": kind.REFERENCE}
        for key, kind in setup.contestants.items()
    }
    return {
        "format_version": FORMAT_VERSION,
        "quick": setup.quick,
        "command": command,
        "date": time.strftime("%Y-%m-%d"),
        "machine": describe(),
        "versions": versions(),
        "budget": {name: getattr(setup, name) for name in BUDGET},
        "contestants": contestants,
        "oracle": ORACLE,
        "skipped": skipped,
        "figures": {k: v for one in summaries.values() for k, v in one["figures"].items()},
        "experiments": {
            name: {"summary": one, "cells": results[name]} for name, one in summaries.items()
        },
    }


def command_line(options):
    """Return the command that was given, without paths of this machine."""
    words = ["python", "-m", "benchmarks.claims.run"]
    words += ["--quick"] if options.quick else []
    for name in ("only", "rivals"):
        value = getattr(options, name)
        words += [f"--{name}", ",".join(value)] if value else []
    for name in BUDGET:
        value = getattr(options, name)
        words += [f"--{name.replace('_', '-')}", f"{value:g}"] if value is not None else []
    words += ["--known"] if options.known else []
    for name in ("digits", "patches"):
        words += [f"--{name}", "FILE"] if getattr(options, name) else []
    return shlex.join(words)


def main(arguments=None):
    """Run what the command line asks for and return what claims.json holds."""
    options = parser().parse_args(arguments)
    out, where = options.out, options.page
    if not options.quick:
        out, where = out or DOCS / "claims", where or DOCS / "claims.md"
    if options.only_page:
        if out is None:
            raise ValueError("--only-page needs --out, the folder of claims.json, in a quick run")
        told = json.loads((out / "claims.json").read_text())
    else:
        setup = setup_of(options)
        results, skipped = compute(
            setup,
            options.only or tuple(EXPERIMENTS),
            jobs=options.jobs,
            only_known=options.known,
        )
        told = document(setup, results, skipped, command_line(options))
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            write_json(out / "claims.json", told)
    if out is not None:
        figures.draw(told, out)
        # As it is read back, so that the page is what the file says.
        told = json.loads((out / "claims.json").read_text())
    if where is not None:
        write_bytes(where, page.document(told).encode())
    print(json.dumps(told["figures"], indent=1))
    return told


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"claims: {error}")

"""Run the benchmarks: ``python -m benchmarks.run [--only NAMES] [--quick] [--data FILE]``.

Writes `benchmarks/results.json` and `docs/benchmarks.md`. With ``--only`` the other measurements of
an existing file stay as they are, with the machine on which they were made.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import Setup, default_data
from benchmarks.machine import REPOSITORY, describe, thread_pools, versions
from benchmarks.measurements import (
    codes,
    convergence,
    growth,
    processes,
    start,
    throughput,
    training,
)
from benchmarks.report import all_figures, document
from benchmarks.timing import count_cpu
from ipvae_brian._tools.files import write_bytes, write_json

FORMAT_VERSION = 2
# In the order in which they are measured and reported.
MEASUREMENTS = {
    "throughput": throughput,
    "convergence": convergence,
    "codes": codes,
    "training": training,
    "growth": growth,
    "start": start,
    "processes": processes,
}
QUICK_REPEATS = 1
REPEATS = 5
MINUTES, QUICK_MINUTES = 30.0, 0.25


def parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small; writes only what is named")
    parser.add_argument(
        "--only",
        type=measurement_names,
        default=list(MEASUREMENTS),
        metavar="NAMES",
        help=f"some of {','.join(MEASUREMENTS)}",
    )
    parser.add_argument("--json", type=Path, help="default benchmarks/results.json")
    parser.add_argument("--report", type=Path, help="default docs/benchmarks.md")
    parser.add_argument("--data", type=Path, help="the file of van Hateren patches")
    parser.add_argument(
        "--limit-minutes", type=float, help=f"of CPU for each training, default {MINUTES:g}"
    )
    parser.add_argument("--repeats", type=int, help=f"of every measurement, default {REPEATS}")
    parser.add_argument(
        "--cpu", action="store_true", help="seconds of CPU, where the machine has other work, too"
    )
    parser.add_argument(
        "--only-report", action="store_true", help="write the report from the JSON, measure nothing"
    )
    return parser


def measurement_names(text):
    """Return the measurements that a list with commas names, in their own order."""
    names = text.split(",")
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"measurements are {', '.join(MEASUREMENTS)}, got {unknown[0]!r}"
        )
    return [name for name in MEASUREMENTS if name in names]


def empty_results(quick):
    """Return results without any measurement, for this machine."""
    return {
        "format_version": FORMAT_VERSION,
        "quick": quick,
        "machine": describe(),
        "thread_pools": thread_pools(),
        "measurements": {},
        "figures": {},
    }


def merged(old, new):
    """Return new results over old ones: what was measured again replaces what there was.

    Parameters
    ----------
    old : dict or None
    new : dict
        As written: format_version, machine, measurements, figures.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the old results are of another format, or of a quick run and the new not.
    """
    if old is None:
        return new
    for key in ("format_version", "quick"):
        if old.get(key) != new[key]:
            raise ValueError(
                f"the existing results have {key} {old.get(key)!r}, this run {new[key]!r}: name "
                "another file with --json, or measure everything"
            )
    # Every measurement knows its machine, as the next may be made on another.
    made_on = {key: old[key] for key in ("machine", "thread_pools") if key in old}
    kept = {name: made_on | entry for name, entry in old["measurements"].items()}
    both = kept | new["measurements"]
    measured = {name: both[name] for name in MEASUREMENTS if name in both}
    return new | {"measurements": measured, "figures": _figures(measured)}


def _figures(measured):
    values = {}
    for entry in measured.values():
        values |= entry["figures"]
    return {name: values[name] for name in all_figures(MEASUREMENTS) if name in values}


def measure(name, setup, command):
    """Return the entry of one measurement in the results.

    Raises
    ------
    RuntimeError
        If a figure is not finite.
    """
    setup.log(name)
    begin = time.perf_counter()
    detail, figures = MEASUREMENTS[name].measure(setup)
    if "skipped" in detail:
        setup.log(f"  skipped: {detail['skipped']}")
    bad = [figure for figure, value in figures.items() if not math.isfinite(value)]
    if bad:
        raise RuntimeError(f"{name}: {bad[0]} is {figures[bad[0]]}")
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d"),
        "seconds": round(time.perf_counter() - begin, 1),
        "repeats": setup.repeats,
        "versions": versions(),
        "machine": describe(),
        "thread_pools": thread_pools(),
        "figures": figures,
        "detail": detail,
    }


def main(arguments=None):
    """Run what the command line asks for and return the results."""
    options = parser().parse_args(arguments)
    where, page = options.json, options.report
    if not options.quick:
        where = where or REPOSITORY / "benchmarks" / "results.json"
        page = page or REPOSITORY / "docs" / "benchmarks.md"
    if options.cpu:
        count_cpu()
    old = json.loads(where.read_text()) if where is not None and where.is_file() else None
    if options.only_report:
        if old is None or page is None:
            raise ValueError("--only-report needs results: name files with --json and --report")
        write_bytes(page, document(old, MEASUREMENTS).encode())
        return old
    results = empty_results(options.quick)
    if len(options.only) < len(MEASUREMENTS):
        results = merged(old, results)  # refuse before measuring, not after
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            data=options.data or default_data(),
            quick=options.quick,
            repeats=options.repeats or (QUICK_REPEATS if options.quick else REPEATS),
            limit_minutes=options.limit_minutes or (QUICK_MINUTES if options.quick else MINUTES),
            folder=Path(folder),
        )
        for name in options.only:
            entry = measure(name, setup, command_line(options))
            results = merged(results, results | {"measurements": {name: entry}})
            if where is not None:
                write_json(where, results)
    if page is not None:
        write_bytes(page, document(results, MEASUREMENTS).encode())
    print(json.dumps(results["figures"], indent=2))
    return results


def command_line(options):
    """Return the command that was given, without paths of this machine."""
    parts = ["python -m benchmarks.run"]
    parts += ["--quick"] if options.quick else []
    if options.only != list(MEASUREMENTS):
        parts.append("--only " + ",".join(options.only))
    parts += ["--cpu"] if options.cpu else []
    parts += ["--data FILE"] if options.data else []
    for name in ("limit_minutes", "repeats"):
        value = getattr(options, name)
        parts += [f"--{name.replace('_', '-')} {value:g}"] if value else []
    return " ".join(parts)


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"benchmarks: {error}")

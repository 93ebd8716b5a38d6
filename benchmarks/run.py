"""Run the benchmarks: ``python -m benchmarks.run [--rows 1,2] [--quick] [--data FILE]``.

Writes `benchmarks/results.json` and `docs/benchmarks.md`. With ``--rows`` the other rows of an
existing file stay as they are, if they were measured on the same machine.
"""

import argparse
import importlib
import json
import math
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import Setup, default_data
from benchmarks.measure import REPOSITORY, machine, thread_pools, versions
from benchmarks.table import FIGURES, document
from ipvae_brian._tools.files import write_bytes, write_json

FORMAT_VERSION = 1
ROWS = {
    1: "throughput",
    2: "convergence",
    3: "training",
    4: "scaling",
    5: "start",
    6: "processes",
}
QUICK_REPEATS = 1
REPEATS = 5


def parser():
    """The command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small; writes only what is named")
    parser.add_argument("--rows", type=row_numbers, default=list(ROWS), help="such as 1,2,5")
    parser.add_argument("--json", type=Path, help="default benchmarks/results.json")
    parser.add_argument("--table", type=Path, help="default docs/benchmarks.md")
    parser.add_argument("--data", type=Path, help="the file of van Hateren patches")
    parser.add_argument("--limit-minutes", type=float, help="of CPU for each training of row 3")
    parser.add_argument("--repeats", type=int, help=f"of every measurement, default {REPEATS}")
    parser.add_argument("--only-table", action="store_true", help="write the table from the JSON")
    return parser


def row_numbers(text):
    """Rows from a list with commas."""
    try:
        rows = [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a list of rows: {text!r}") from None
    unknown = sorted(set(rows) - set(ROWS))
    if unknown:
        raise argparse.ArgumentTypeError(f"rows are 1 to {max(ROWS)}, got {unknown[0]}")
    return rows


def merged(old, new):
    """New results over old ones: rows that were measured replace those that were not.

    Parameters
    ----------
    old : dict or None
    new : dict
        As written: format_version, machine, rows, figures.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the old results are of another machine or format, or of a quick run and the new not.
    """
    if old is None:
        return new
    for key in ("format_version", "machine", "quick"):
        if old.get(key) != new[key]:
            raise ValueError(
                f"the existing results have {key} {old.get(key)!r}, this run {new[key]!r}: name "
                "another file with --json, or measure all rows"
            )
    rows = {number: old["rows"].get(number) or new["rows"].get(number) for number in map(str, ROWS)}
    rows |= new["rows"]
    figures = {}
    for row in rows.values():
        figures |= row["figures"] if row else {}
    return new | {
        "rows": {number: row for number, row in rows.items() if row},
        "figures": {name: figures[name] for name in FIGURES if name in figures},
    }


def measure_rows(rows, setup, command, log=print):
    """Measure rows and return the results as they are written."""
    measured = {}
    for number in rows:
        log(f"row {number}: {ROWS[number]}")
        module = importlib.import_module(f"benchmarks.rows.{ROWS[number]}")
        start = time.perf_counter()
        detail, figures = module.measure(setup)
        if "skipped" in detail:
            log(f"  skipped: {detail['skipped']}")
        bad = [name for name, value in figures.items() if not math.isfinite(value)]
        if bad:
            raise RuntimeError(f"row {number}: {bad[0]} is {figures[bad[0]]}")
        measured[str(number)] = {
            "name": ROWS[number],
            "command": command,
            "date": time.strftime("%Y-%m-%d"),
            "seconds": round(time.perf_counter() - start, 1),
            "repeats": setup.repeats,
            "versions": versions(),
            "figures": figures,
            "detail": detail,
        }
    figures = {}
    for row in measured.values():
        figures |= row["figures"]
    return {
        "format_version": FORMAT_VERSION,
        "quick": setup.quick,
        "machine": machine(),
        "thread_pools": thread_pools(),
        "rows": measured,
        "figures": {name: figures[name] for name in FIGURES if name in figures},
    }


def main(arguments=None):
    """Run what the command line asks for; returns the results."""
    options = parser().parse_args(arguments)
    where, table = options.json, options.table
    if not options.quick:
        where = where or REPOSITORY / "benchmarks" / "results.json"
        table = table or REPOSITORY / "docs" / "benchmarks.md"
    old = json.loads(where.read_text()) if where is not None and where.is_file() else None
    if options.only_table:
        write_bytes(table, document(old).encode())
        return old
    if set(options.rows) == set(ROWS):
        old = None
    results = {
        "format_version": FORMAT_VERSION,
        "quick": options.quick,
        "machine": machine(),
        "rows": {},
        "figures": {},
    }
    if old is not None:
        results = merged(old, results)  # refuse before measuring, not after
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            data=options.data or default_data(),
            quick=options.quick,
            repeats=options.repeats or (QUICK_REPEATS if options.quick else REPEATS),
            limit_minutes=options.limit_minutes or (0.25 if options.quick else 30.0),
            folder=Path(folder),
        )
        command = command_line(options)
        for number in options.rows:
            results = merged(results, measure_rows([number], setup, command))
            if where is not None:
                write_json(where, results)
    if table is not None:
        write_bytes(table, document(results).encode())
    print(json.dumps(results["figures"], indent=2))
    return results


def command_line(options):
    """The command that was given, without paths of this machine."""
    parts = ["python -m benchmarks.run"]
    parts += ["--quick"] if options.quick else []
    if options.rows != list(ROWS):
        parts.append("--rows " + ",".join(map(str, options.rows)))
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

"""One module for each measurement, with the same four names in each.

TITLE : str
    Heading of its section in docs/benchmarks.md.
FIGURES : dict of str to benchmarks.report.Figure
    The numbers that sum it up.
measure(setup) : returns (detail, figures)
    What was measured, JSON-able, and values for some or all of `FIGURES`. With a key "skipped" in
    the detail, the reason for which it was not.
report(detail, machine) : returns str
    The section in Markdown, from the detail alone and what the machine is.
"""

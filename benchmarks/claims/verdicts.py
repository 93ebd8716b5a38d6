"""Where rivals win, and where none does: text for the page, from values by contestant."""

from benchmarks.claims.contest import OURS
from benchmarks.report import short


def name_of(told, key):
    """Return the name of a contestant."""
    return told["contestants"].get(key, {"name": key})["name"]


def wins(told, values, ours, *, largest=True):
    """Return the rivals that do better than our best, with their values, as text.

    The oracle is none of them.

    Parameters
    ----------
    told : dict
    values : dict of str to float
        By contestant; None where there is no value.
    ours : iterable of str
        Those of them that are ours.
    largest : bool, default True
        Whether larger is better.
    """
    mine = [values[key] for key in ours if values.get(key) is not None]
    if not mine:
        return ""
    bound = max(mine) if largest else min(mine)
    ours = (*OURS, told.get("oracle"))
    better = {
        key: value
        for key, value in values.items()
        if key not in ours and value is not None and (value > bound if largest else value < bound)
    }
    ordered = sorted(better, key=better.get, reverse=largest)
    return ", ".join(f"{name_of(told, key)} ({short(better[key])})" for key in ordered)


def verdicts(told, tries):
    """Return paragraphs on where rivals win, and where they do not.

    Parameters
    ----------
    tries : list of tuple
        What is compared, values by contestant, whether larger is better.
    """
    lost, held = [], []
    for what, values, largest in tries:
        found = wins(told, values, OURS, largest=largest)
        mine = {k: values[k] for k in OURS if values.get(k) is not None}
        if not mine:
            continue
        told_ours = " and ".join(f"{short(v)} ({name_of(told, k)})" for k, v in mine.items())
        if found:
            lost.append(f"- **{what}**: {found}; ours {told_ours}.")
        else:
            held.append(f"- **{what}**: ours, {told_ours}.")
    parts = []
    if lost:
        parts.append("Where a rival wins:\n\n" + "\n".join(lost))
    if held:
        parts.append("What holds, no rival being better:\n\n" + "\n".join(held))
    return "\n\n".join(parts)

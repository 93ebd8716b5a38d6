"""Progress bars, where somebody is there to see them."""

import sys

from tqdm.auto import tqdm


def progress_bar(total, unit, progress=None, **options):
    """A tqdm bar; `progress` None shows it for more than one item on a terminal or notebook."""
    if progress is None:
        in_notebook = "ipykernel" in sys.modules
        progress = (in_notebook or sys.stderr.isatty()) and (total is None or total > 1)
    return tqdm(total=total, unit=f" {unit}", disable=not progress, leave=False, **options)

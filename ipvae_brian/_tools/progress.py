"""Progress bars, where somebody is there to see them."""

import sys
import warnings


def progress_bar(total, unit, progress=None, **options):
    """A tqdm bar; `progress` None shows it for more than one item on a terminal or notebook."""
    if progress is None:
        in_notebook = "ipykernel" in sys.modules
        progress = (in_notebook or sys.stderr.isatty()) and (total is None or total > 1)
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it says so at import; the plain bar will do there.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm(total=total, unit=f" {unit}", disable=not progress, leave=False, **options)

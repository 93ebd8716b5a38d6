"""Progress bars, shown only where somebody can see them."""

import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


# Seconds for which nobody needs to be told that something happens.
DELAY = 2.0


def progress_bar(
    total: int | None, unit: str, progress: bool | None = None, **options: Any
) -> "tqdm":
    """Return a progress bar.

    Parameters
    ----------
    total : int or None
        Number of items; None where it is not known.
    unit : str
        What the items are.
    progress : bool, optional
        Whether it shows. By default for more than one item, on a terminal or in a notebook, and
        only if it takes longer than `DELAY`.
    **options
        Of tqdm.
    """
    if progress is None:
        options.setdefault("delay", DELAY)
        in_notebook = "ipykernel" in sys.modules
        progress = (in_notebook or sys.stderr.isatty()) and (total is None or total > 1)
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it says so at import; the plain bar will do there.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm(total=total, unit=f" {unit}", disable=not progress, leave=False, **options)

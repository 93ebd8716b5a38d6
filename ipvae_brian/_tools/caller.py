"""Find the user's line of code, to which warnings point and whose names equations can use."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Libraries that call the package on the user's behalf, and the package itself.
NOT_THE_USER = ("ipvae_brian", "brian2", "sklearn", "joblib", "contextlib")


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn, at the line outside of the package that led here.

    A fixed `stacklevel` is right for one way through the package only.

    Parameters
    ----------
    message : str
    category : type of Warning
    """
    frame = _user_frame()
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=frame.f_globals.get("__name__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


@contextmanager
def held_back(category: type[Warning]) -> Iterator[list[str]]:
    """Hold back warnings of a category, each time they come; pass on all others.

    Parameters
    ----------
    category : type of Warning

    Yields
    ------
    list of str
        Gets the messages of those that were held back, when the block has ended.
    """
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        # Others stay as the user has set them.
        warnings.simplefilter("always", category)
        yield messages
    for warning in caught:
        if issubclass(warning.category, category):
            messages.append(str(warning.message))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def user_namespace() -> dict[str, Any]:
    """Return the names that are seen where the user called the package."""
    frame = _user_frame()
    return {**frame.f_globals, **frame.f_locals}


def _user_frame():
    frame = sys._getframe(2)
    while _package(frame) in NOT_THE_USER and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]

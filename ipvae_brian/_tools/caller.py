"""Find the user's line of code, to which warnings point and whose names equations can use."""

import sys
import warnings
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

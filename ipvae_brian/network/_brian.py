"""Whatever goes beyond the documented interface of Brian2: targets, monitors, the device."""

import logging
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices
from brian2.only import get_device, prefs
from numpy.typing import NDArray

from ipvae_brian._tools.checks import known_name


def is_standalone() -> bool:
    """Whether the active device writes a C++ program instead of running step by step."""
    return isinstance(get_device(), CPPStandaloneDevice)


def code_object_class(target: str | None) -> Any:
    """Return the class that runs generated code for "numpy", "cython" or None.

    None follows an explicit ``prefs.codegen.target``. Where that is "auto", it is NumPy: one
    population does not gain enough from compiling to wait for it. Handing the class to each
    object leaves the user's global preference alone.
    """
    if target is None:
        target = prefs.codegen.target
        if not isinstance(target, str):
            return target
        target = "numpy" if target == "auto" else target
    known_name(target, "target", ("numpy", "cython"))
    if target == "numpy":
        from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

        return NumpyCodeObject
    from brian2.codegen.runtime.cython_rt import CythonCodeObject

    if not CythonCodeObject.is_available():
        raise RuntimeError("target 'cython' needs a C++ compiler and Cython; use target='numpy'")
    return CythonCodeObject


def belong_to(brian_network: Any, objects: Iterable[Any]) -> None:
    """Tell Brian2 that objects are in use, which it finds out only when their network runs.

    It warns of the others when they are deleted.
    """
    for one in objects:
        one._network = brian_network.id
        belong_to(brian_network, one.contained_objects)


def require_device(device: Any) -> None:
    """Refuse to run for one device what was made for another.

    Raises
    ------
    RuntimeError
        If `device` is not the active one; the message names both.
    """
    active = get_device()
    if active is not device:
        raise RuntimeError(
            f"this network was made for Brian2's device {_device_name(device)!r}, and "
            f"{_device_name(active)!r} is active: set_device back, or make another network"
        )


def _device_name(device):
    return next((name for name, known in all_devices.items() if known is device), repr(device))


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Note Ctrl-C, of which Brian2 makes a quiet stop that is like any other.

    The list that is returned is empty until then.
    """
    pressed: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed
        return

    def note(number, frame):
        pressed.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def without_conflicts_of(name: str) -> Iterator[None]:
    """Leave out Brian2's warnings that variables of our groups are names of the user's, too.

    Parameters
    ----------
    name : str
        Beginning of the groups' names.
    """
    logger = logging.getLogger("brian2.groups.group.Group.resolve.resolution_conflict")

    def is_of_user(record):
        message = record.getMessage()
        return not any(quote + name in message for quote in "'\"")

    logger.addFilter(is_of_user)
    try:
        yield
    finally:
        logger.removeFilter(is_of_user)


def _show_errors_plainly():
    """Keep Brian2's call for bug reports away from errors that this package raises."""
    of_brian2 = sys.excepthook
    if not of_brian2.__module__.startswith("brian2"):
        return  # IPython has its own

    def hook(kind, error, trace):
        frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(trace)]
        ours = frames and frames[-1].partition(".")[0] == "ipvae_brian"
        (sys.__excepthook__ if ours else of_brian2)(kind, error, trace)

    sys.excepthook = hook


_show_errors_plainly()


def clear(monitor: Any) -> None:
    """Empty a spike or state monitor, so that one can be kept for many runs."""
    monitor.resize(0)
    monitor.variables["N"].set_value(0)


def array_of(group: Any, name: str) -> NDArray:
    """Return the array behind a variable of a Brian2 group, to read and write in place."""
    return np.asarray(group.variables[name].get_value())

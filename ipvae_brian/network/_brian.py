"""What this package needs of Brian2 beyond its documented calls: targets, seeds, monitors."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
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


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed Brian2's random numbers inside the block and give them back as they were after it.

    With None nothing is touched: numbers follow the user's own `brian2.seed`.
    """
    device = get_device()
    if seed is None:
        yield
        return
    state = device.get_random_state()
    device.seed(seed)
    try:
        yield
    finally:
        device.set_random_state(state)


@contextmanager
def quick_start() -> Iterator[None]:
    """Let Brian2 collect garbage among new objects only.

    It does so at the beginning of every run, and walking through every object of the process
    takes longer than all the rest of a start.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def clear(monitor: Any) -> None:
    """Empty a spike or state monitor, so that one can be kept for many runs."""
    monitor.resize(0)
    monitor.variables["N"].set_value(0)


def array_of(group: Any, name: str) -> NDArray:
    """Return the array behind a variable of a Brian2 group, to read and write in place."""
    return np.asarray(group.variables[name].get_value())

"""Arrays that several processes on one machine fill together.

The responses of many neurons to many stimuli take up hundreds of megabytes. Sent through a pipe,
they would be copied several times, mostly by the one process that all others wait for.
"""

import math
import mmap
import os
from typing import Any
from uuid import uuid4

import numpy as np

# Arrays begin on a line of the cache.
LINE = 64


class SharedArrays:
    """Arrays in memory that other processes of this machine can write to.

    Pickling takes it to other processes, but not what is in it. It is memory without a file (memfd
    of Linux), so nothing is left behind however the processes end. A context manager: at its end
    nobody new can join, and the arrays stay for as long as somebody holds one.

    Parameters
    ----------
    layout : list of (tuple of int, dtype)
        Shape and type of each array.

    Notes
    -----
    Where a process cannot reach the memory, because it is on another machine or the system has no
    such memory, it has to send what it wants to write to the owner.
    """

    def __init__(self, layout):
        self._layout = [(shape, np.dtype(dtype)) for shape, dtype in layout]
        self._starts = [0]
        for shape, dtype in self._layout:
            # At least one line, because no memory at all cannot be mapped.
            lines = math.prod(shape) * dtype.itemsize // LINE + 1
            self._starts.append(self._starts[-1] + lines * LINE)
        # Nobody takes the file of another process, or of another machine, for this one.
        self._name = f"ipvae_brian_{uuid4().hex}"
        self._owner = os.getpid()
        self._file = None
        if hasattr(os, "memfd_create"):
            self._file = os.memfd_create(self._name)
            os.truncate(self._file, self._starts[-1])
            self._memory = mmap.mmap(self._file, self._starts[-1])
        else:
            self._memory = bytearray(self._starts[-1])

    def __getstate__(self):
        return self.__dict__ | {"_memory": None}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._file is not None:
            os.close(self._file)

    def arrays(self) -> Any:
        """Return the arrays, or None where the memory cannot be reached."""
        memory = self._memory or self._reach()
        if memory is None:
            return None
        return [
            np.frombuffer(memory, dtype, math.prod(shape), start).reshape(shape)
            for (shape, dtype), start in zip(self._layout, self._starts, strict=False)
        ]

    def _reach(self):
        path = f"/proc/{self._owner}/fd/{self._file}"
        try:
            if not os.readlink(path).startswith(f"/memfd:{self._name}"):
                return None
            with open(path, "r+b") as file:
                return mmap.mmap(file.fileno(), self._starts[-1])
        except OSError:
            return None

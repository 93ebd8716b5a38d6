"""Check that the machine has the memory that a recording will need."""

import os

from ipvae_brian.errors import MemoryLimitError

# Part of the free memory that a recording may take.
SHARE = 0.8


def available_memory():
    """Free memory of this machine in bytes, or None where the system does not tell."""
    try:
        # The system's own estimate, which counts file caches as free.
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def require_memory(parts, advice):
    """Refuse what cannot fit.

    Parameters
    ----------
    parts : dict of str to int
        What is to be kept, and its bytes.
    advice : str
        What to do about it.

    Raises
    ------
    MemoryLimitError
        If the sum is more than `SHARE` of the free memory.
    """
    available = available_memory()
    total = sum(parts.values())
    if available is None or total <= SHARE * available:
        return
    listed = ", ".join(f"{name} {size / 1e9:.3g} GB" for name, size in parts.items() if size)
    raise MemoryLimitError(
        f"this needs {total / 1e9:.3g} GB ({listed}) and {available / 1e9:.3g} GB are free: "
        f"{advice}"
    )

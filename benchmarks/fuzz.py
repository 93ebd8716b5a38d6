"""Try every reader on many damaged files: ``python -m benchmarks.fuzz [N_FILES]``.

The tests of the readers, with 10,000 files of each kind instead of 300.
"""

import os
import subprocess
import sys

from benchmarks.machine import REPOSITORY

N_FILES = 10_000


def main(n_files: int = N_FILES) -> int:
    """Run the tests and return their exit status."""
    tests = sorted(str(path) for path in (REPOSITORY / "tests").rglob("test_fuzz.py"))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *tests],
        cwd=REPOSITORY,
        env=os.environ | {"IPVAE_FUZZ_FILES": str(n_files)},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

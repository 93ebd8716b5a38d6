"""The command that tries readers on many files runs their tests with that many."""

import subprocess
import sys

from benchmarks import fuzz


def test_tests_of_all_readers_run_with_so_many_files(monkeypatch):
    ran = []

    def run(command, **options):
        ran.append((command, options["env"]["IPVAE_FUZZ_FILES"]))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    assert fuzz.main(7) == 3  # the status of the tests
    ((command, n_files),) = ran
    assert (command[:3], n_files) == ([sys.executable, "-m", "pytest"], "7")
    folders = {path.split("/")[-2] for path in command if path.endswith("test_fuzz.py")}
    assert {"_tools", "stimuli"} <= folders

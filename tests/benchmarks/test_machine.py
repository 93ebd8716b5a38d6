"""What is said of the machine, and processes of their own."""

import json
import platform
import sys

import pytest

from benchmarks import machine


def test_machine_is_described_without_its_name():
    described = json.dumps([machine.describe(), machine.versions()])
    assert {"processor", "cores", "memory_gb", "system"} == set(machine.describe())
    assert platform.node() not in described or not platform.node()


def test_versions_are_of_what_runs():
    import numpy

    found = machine.versions()
    assert found["python"] == platform.python_version() and found["numpy"] == numpy.__version__


def test_limits_are_positive():
    found = machine.limits(size=16, repeats=1)
    assert len(found) == 6 and all(value > 0 for value in found.values())


def test_processes_get_arguments_and_environment_and_tell_what_they_print(monkeypatch):
    code = "import os, sys, benchmarks; print(sys.argv[1], os.environ['IPVAE_PROBE'])"
    assert machine.run_python(code, 3, environment={"IPVAE_PROBE": "x"}).split() == ["3", "x"]


def test_a_process_that_fails_is_an_error_with_its_message():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        machine.run_python("1 / 0")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_peak_memory_keeps_what_was_given_back():
    now, peak = machine.memory()
    block = bytearray(200 * 2**20)
    block[:: 2**12] = b"x" * len(block[:: 2**12])
    assert machine.memory()[0] > now + 150 * 2**20
    del block
    assert machine.memory()[1] > max(peak, now + 150 * 2**20) - 1

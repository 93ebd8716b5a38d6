"""What cannot fit is refused before it is simulated, with the numbers."""

import builtins

import pytest
from brian2 import ms

from ipvae_brian import MemoryLimitError, SpikingNetwork
from ipvae_brian._tools import memory


def test_too_much_is_refused_before_it_runs(monkeypatch, parameters, stimuli):
    network = SpikingNetwork(parameters, dt=4 * ms, record_potentials=[1, 2, 3])
    monkeypatch.setattr(memory, "available_memory", lambda: 50_000)
    assert network.present(stimuli, 100 * ms).counts.shape == (5, 5, 12)
    with pytest.raises(MemoryLimitError, match="membrane potentials of 3 neurons") as error:
        network.present(stimuli, 10_000 * ms)
    # Counts of 5 stimuli x 500 windows x 12 neurons x 4 bytes and rates of 8 bytes;
    # potentials and counts of 5 stimuli x 2500 steps x 3 neurons x 32 bytes; stimuli.
    for size in ("0.00012 GB", "0.00024 GB", "0.0012 GB", "0.00156 GB"):
        assert size in str(error.value)
    assert "record fewer neurons" in str(error.value)
    assert isinstance(error.value, MemoryError)
    assert float(network.brian_network.t / ms) == pytest.approx(500)


@pytest.mark.parametrize(("total", "refused"), [(800, False), (801, True)])
def test_a_part_is_left_free(monkeypatch, total, refused):
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    if refused:
        with pytest.raises(MemoryLimitError, match="do less"):
            memory.require_memory({"one": 400, "two": total - 400}, "do less")
    else:
        memory.require_memory({"one": 400, "two": total - 400}, "do less")


def test_parts_without_size_are_not_listed(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e9)
    with pytest.raises(MemoryLimitError) as error:
        memory.require_memory({"counts": 2e9, "potentials": 0}, "do less")
    assert "counts 2 GB" in str(error.value)
    assert "potentials" not in str(error.value)


def test_nothing_is_refused_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.require_memory({"one": 10**18}, "")


def test_free_memory_of_this_machine():
    free = memory.available_memory()
    assert free is None or 2**20 < free < 2**50


def test_free_memory_without_proc(monkeypatch):
    def closed(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(builtins, "open", closed)
    free = memory.available_memory()
    assert free is None or 2**20 < free < 2**50
    monkeypatch.setattr(memory.os, "sysconf", closed)
    assert memory.available_memory() is None

"""What the equations need of memory."""

from benchmarks.measurements import growth


def test_state_and_weights():
    assert growth.state_bytes(10, 8, 4) == 4 * (6 * 80 + 64 + 32)

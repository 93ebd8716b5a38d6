"""Costs that can be counted. Times are not tested."""

from benchmarks.measurements import throughput


def test_bounds_are_what_is_counted_over_what_the_machine_can_do():
    limits = {
        "sgemm_gflops": 100.0,
        "exp_per_second": 1e9,
        "exponential_numbers_per_second": 1e8,
        "add_gb_per_second": 10.0,
        "cached_gb_per_second": 100.0,
        "new_gb_per_second": 5.0,
    }
    steps = {"dt = tau": 100.0, "dt = tau / 20": 5.0, throughput.EVENTS: 10.0}
    entry = {
        "n_stimuli": 200,
        "spikes_per_step": steps,
        "microseconds_per_step": {
            "dt = tau": 1000.0,
            "dt = tau / 20": 200.0,
            throughput.EVENTS: 400.0,
        },
    }
    lines = throughput.bounds({"limits": limits, "sizes": [entry]}, cores=2).splitlines()
    # 102,400 exponentials on two cores; 20,000 spikes, each with a row of 512 weights.
    assert "| exponential of every potential | 102,400 | 0.05 | 0.05 |" in lines
    assert "| a random number for each spike | 20,000 or 1,000 | 0.10 | 0.01 |" in lines
    assert any("| 20.5 or 1.0 MFLOP | 0.20 | 0.01 |" in line for line in lines)
    assert "| measured |  | 1.00 | 0.20 |" in lines
    # In a tau 40,000 spikes and 4,200 steps or ends, 512 neurons of 20 bytes each.
    wanted = "a pass over the rates for each spike and step | 44,200 passes, 453 MB in caches"
    assert f"| {wanted} | 2.26 |" in lines
    assert "| two random numbers and a logarithm for each spike | 40,000 | 0.40 |" in lines
    assert "| measured |  | 8.00 |" in lines

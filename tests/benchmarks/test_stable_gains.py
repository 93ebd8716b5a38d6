"""Gains of discrete updates and of delays: found, used, and smaller where feedback is later."""

import json

import numpy as np
from brian2 import ms

from benchmarks import stable_gains
from benchmarks.stable_gains import delayed, discrete
from ipvae_brian import Parameters


def test_later_feedback_has_smaller_gains():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, 16))
    model = Parameters.from_unit_dictionary(
        rng.normal(size=(16, 48)), spike_size=0.4, gain=6, sparsity=0.25
    )
    figures = [delayed(model, x, d * ms, n_shown=3, n_tau=20) for d in (1, 3)]
    figures.append(discrete(model, x, n_updates=200))
    gains, r2 = np.transpose(figures)
    assert (np.diff(gains) < 0).all() and gains[-1] > 0
    assert (r2 > 0.4).all() and (r2 < 1).all()


def test_what_is_printed_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stable_gains, "default_data", lambda: None)
    monkeypatch.setattr(stable_gains, "discrete", lambda model, stimuli: (0.11, 0.66))
    monkeypatch.setattr(stable_gains, "delayed", lambda model, stimuli, delay: (1.5, 0.8))
    large = iter([(2.4, [40, 80])])
    monkeypatch.setattr(stable_gains, "large_spikes", lambda model, stimuli: large)
    stable_gains.main(["--large-spikes", "--json", str(tmp_path / "gains.json")])
    assert "dt = tau, gain 0.110, R2 0.66" in capsys.readouterr().out
    found = json.loads((tmp_path / "gains.json").read_text())
    assert found["photographs-512"]["discrete"] == {"gain": 0.11, "r2": 0.66}
    assert found["photographs-512"]["delay of 3 ms"] == {"gain": 1.5, "r2": 0.8}
    assert found["spikes of 2.4"] == {"steps_per_tau": [40, 80]}

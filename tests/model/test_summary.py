"""What a notebook shows of a model."""

import numpy as np

from ipvae_brian import Parameters


def test_notebook_shows_the_essentials_as_text():
    p = Parameters.from_unit_dictionary(
        np.random.default_rng(0).normal(size=(6, 4)),
        spike_size=0.5,
        gain=2.0,
        sparsity=0.1,
        stimulus_shape=(2, 3),
        provenance={"name": "<b>x</b>", "data_note": "<i>", "figures": {"r2": 0.5, "zeros": "?"}},
    )
    content = p._repr_html_()
    for text in ("2 × 3", "20 ms", "6.77 Hz", "&lt;b&gt;x", "&lt;i&gt;", "R² 0.500", "data:image"):
        assert text in content
    assert "<i>" not in content
    flat = p.replace(stimulus_shape=(6,), provenance={"figures": 3})
    assert "<img" not in flat._repr_html_()

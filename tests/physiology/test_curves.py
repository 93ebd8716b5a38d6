from types import SimpleNamespace

import numpy as np

from ipvae_brian.physiology.curves import _orientation, of_subjects
from ipvae_brian.physiology.experiments import CONTRASTS, Subject


def test_a_line_for_each_set_of_settings(gabor_model):
    one = Subject(gabor_model, quick=True)
    bare = Subject(gabor_model.replace(front_end=None), quick=True)
    bare._recordings, bare._warned = dict(one._recordings), dict(one._warned)
    found = {curve.name: curve for curve in of_subjects({"shipped": one, "bare": bare})}
    # Without a front end there is no contrast of light.
    assert [label for label, _, _ in found["contrast_response"].lines] == ["shipped"]
    _, x, y = found["contrast_response"].lines[0]
    assert x == list(CONTRASTS) and y[-1] > y[0]
    assert [label for label, _, _ in found["orientation"].lines] == ["shipped", "bare"]
    _, x, y = found["orientation"].lines[0]
    assert x[int(np.argmax(y))] == 0 and max(y) == 1


def test_noise_makes_no_peak(make_recording):
    """Neurons without preference, whose highest rate is wherever their counts happen to be high."""
    rng = np.random.default_rng(0)
    direction, repeat = np.tile(np.arange(0, 360, 10), 4), np.repeat(np.arange(4), 36)
    counts = rng.poisson(8, (len(direction), 60))
    recording = make_recording(counts, direction=direction, repeat=repeat)
    found = _orientation(SimpleNamespace(recording=lambda name: recording))
    assert found[0].tolist() == list(range(-90, 90, 10))
    # The rates of the same trials would be a third below the peak.
    assert found[1].min() > 0.88

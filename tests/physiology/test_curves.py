import numpy as np

from ipvae_brian.physiology.curves import of_subjects
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

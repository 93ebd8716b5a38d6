import numpy as np
import pytest

from ipvae_brian.physiology.properties import contrast
from ipvae_brian.physiology.properties.conditions import (
    angle_of,
    best_curves,
    contrasts_of,
    own_trials,
    targets,
    varied,
)


def test_each_unit_has_the_curve_at_its_best_other_conditions(make_recording):
    rows = [(o, f) for f in (1.0, 2.0) for o in (0, 45, 90, 135)]
    counts = np.array(
        [[10 * (o == 0) + 1, 5, 0] if f == 1 else [3, 20 * (o == 90), 0] for o, f in rows]
    )
    recording = make_recording(
        counts, orientation=[o for o, _ in rows], spatial_frequency=[f for _, f in rows]
    )
    found = best_curves(recording, "orientation")
    np.testing.assert_array_equal(found.rates[:, 0], [22, 2, 2, 2])
    np.testing.assert_array_equal(found.rates[:, 1], [0, 0, 40, 0])
    assert [found.others[b]["spatial_frequency"] for b in found.best[:2]] == [1, 2]
    # The third never fires.
    np.testing.assert_array_equal(found.responsive, [True, True, False])
    np.testing.assert_array_equal(found.apply(lambda rates: rates.max(axis=0))[:2], [22, 40])
    assert np.isnan(found.apply(lambda rates: rates.max(axis=0))[2])


def test_blanks_are_no_part_of_curves(make_recording):
    recording = make_recording(np.full((5, 1), 9), direction=[0.0, 90.0, 180.0, 270.0, np.nan])
    assert angle_of(recording) == "direction"
    np.testing.assert_array_equal(best_curves(recording, "direction").values, [0, 90, 180, 270])
    np.testing.assert_array_equal(best_curves(recording, "direction", 180).values, [0, 90])


def test_targets_have_trials_of_their_own(make_recording):
    recording = make_recording(np.ones((4, 3), int), target=[5, 5, 7, 7], contrast=[0, 1, 0, 1])
    recording = type(recording)(
        recording.counts, recording.timing, conditions=recording.conditions,
        units={"neuron": [4, 5, 7]},
    )  # fmt: skip
    np.testing.assert_array_equal(targets(recording), [1, 2])
    np.testing.assert_array_equal(own_trials(recording, 2, contrast=1), [False, False, False, True])
    plain = make_recording(np.ones((4, 3), int), contrast=[0, 1, 0, 1])
    np.testing.assert_array_equal(targets(plain), [0, 1, 2])
    assert own_trials(plain, 0).all()


def test_what_is_missing_is_named(make_recording):
    recording = make_recording(np.ones((4, 3), int), contrast=[0.1, 1, 0.1, 1])
    with pytest.raises(ValueError, match="at least 4 orientations or directions"):
        angle_of(recording)
    with pytest.raises(
        ValueError, match="needs the condition diameter; the recording has contrast"
    ):
        varied(recording, "diameter", 2)
    with pytest.raises(ValueError, match="at least 3 values of contrast, there are 2"):
        varied(recording, "contrast", 3)


def test_trials_with_a_mask_are_no_part_of_curves(make_recording):
    counts = np.array([[8], [4], [2], [4], [9], [9], [9], [9]])
    angles, mask = np.tile([0, 45, 90, 135], 2), np.repeat([np.nan, 0.5], 4)
    recording = make_recording(counts, orientation=angles, mask_contrast=mask)
    np.testing.assert_array_equal(best_curves(recording, "orientation").rates[:, 0], [16, 8, 4, 8])
    with pytest.raises(ValueError, match="it needs trials without a mask"):
        best_curves(recording.select(np.isfinite(mask)), "orientation")


def test_contrasts_in_percent_are_refused_where_their_values_matter(make_recording):
    percent = make_recording(np.ones((4, 3), int), contrast=[1.0, 10.0, 1.0, 10.0])
    with pytest.raises(ValueError, match="go up to 10: if they are in percent, divide them by 100"):
        contrasts_of(percent, 2)
    for measure in (contrast.shift, contrast.explained):
        with pytest.raises(ValueError, match="percent"):
            measure(percent)
    parts = make_recording(np.ones((3, 3), int), contrast=[0.1, 1.0, np.nan])
    np.testing.assert_array_equal(contrasts_of(parts, 2), [0.1, 1.0])

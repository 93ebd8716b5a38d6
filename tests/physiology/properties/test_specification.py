import numpy as np
import pytest

from ipvae_brian.physiology import available_references
from ipvae_brian.physiology.laboratories import laboratories
from ipvae_brian.physiology.properties import PROPERTIES
from ipvae_brian.physiology.properties.specification import least, most, sample, single
from ipvae_brian.physiology.subject import EXPERIMENTS


def test_there_are_many_properties_with_a_biological_value_each():
    names = [one.name for one in PROPERTIES]
    assert len(names) == len(set(names)) >= 20
    for one in PROPERTIES:
        assert one.experiment in EXPERIMENTS
        assert one.title and one.meaning.endswith(".") and one.group
        # Potentials in millivolts depend on a map that no recording fixes.
        if one.experiment != "membrane_potentials":
            assert any(laboratories(name, 20.0) for name in one.references or (one.name,)), one.name


def test_every_published_property_is_used():
    used = {name for one in PROPERTIES for name in one.references or (one.name,)}
    # Of units that the model does not have, and what is one minus another.
    unused = {"orientation_selectivity_excitatory", "orientation_selectivity_pv"}
    assert set(available_references()) - used == unused


@pytest.mark.parametrize("one", PROPERTIES, ids=lambda one: one.name)
def test_recordings_without_what_is_needed_are_refused_in_words(one, make_recording):
    """Of a recording with a condition that nobody knows, only the repeats can be used."""
    counts = np.random.default_rng(0).poisson(5, (8, 12))
    recording = make_recording(counts, smell=np.arange(8))
    with pytest.raises(ValueError, match=r"it needs|each condition needs|are not known|no whole"):
        one.measure(recording)


def test_units_that_are_too_few_or_mostly_undefined_fail_the_gate():
    names = lambda values: [c.name for c in sample(np.array(values)).checks if not c.passed]  # noqa: E731
    assert names(np.arange(12.0)) == []
    assert names(np.arange(9.0)) == ["units"]
    assert names([*np.arange(12.0), *[np.nan] * 40]) == ["defined"]
    with pytest.raises(ValueError, match="not defined for any unit"):
        sample(np.full(3, np.nan))
    with pytest.raises(ValueError, match="not defined for this recording"):
        single(np.nan)
    assert single(3.0).distribution.median == 3


def test_checks_of_parts():
    assert most("a", 0.2, 0.2, "x").passed and not most("a", 0.3, 0.2, "x").passed
    assert least("a", 0.5, 0.5, "x").passed and not least("a", 0.4, 0.5, "x").passed
    assert least("a", 0.4, 0.5, "columns fit").text == "40% of columns fit, at least 50%"

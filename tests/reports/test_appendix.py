import re
from dataclasses import replace

import pytest
from comparisons import example

from ipvae_brian.reports.appendix import appendix


def words(text):
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


@pytest.fixture(scope="module")
def parts():
    return {name: words(content) for name, _, content in appendix(example())}


def test_what_each_setting_moves(parts):
    assert "gain 3 0.88 0.1 (0.6)" in parts["vary"]
    assert "gain 6 (as shipped) 0.889 0.08 (0.67)" in parts["vary"]


def test_settings_and_single_numbers(parts):
    assert "leak 0.5" in parts["settings"]  # a setting of the preset only
    assert "latency_sign_fraction –" in parts["figures"]


def test_recordings_say_what_they_lack_once():
    whole = example()
    left = [
        {"property": "fano_factor", "reason": "too few repeats"},
        {"property": "direction_selectivity", "reason": "no directions"},
        {"property": "onset_quenching", "reason": "too few repeats"},
    ]
    (told,) = (dict(one) | {"not_measured": left} for one in whole.recordings)
    parts = {name: content for name, _, content in appendix(replace(whole, recordings=(told,)))}
    said = words(parts["recordings"])
    assert "31 units, 480 trials. Measured: Circular variance of orientation." in said
    # By their titles, and those of the same reason together.
    together = "Fano factor; Fall of the Fano factor at stimulus onset: too few repeats"
    assert together in said and "Direction selectivity: no directions" in said
    assert parts["recordings"].count("<li>") == 2


def test_protocols_have_headings_in_words(parts):
    wanted = "Name What was shown Conditions Trials Length of a trial (ms) drifting"
    assert parts["protocols"].startswith(wanted)
    assert parts["protocols"].endswith("144 576 1,200")


def test_only_what_there_is():
    bare = replace(example(), vary=(), recordings=(), curves=(), protocols=(), figures={})
    assert [name for name, _, _ in appendix(bare)] == ["settings"]

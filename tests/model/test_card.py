"""Cards: for any model, plain text in them stays plain, and no other file is overwritten."""

import os

import numpy as np
import pytest
from brian2 import ms
from markdown_it import MarkdownIt

from ipvae_brian import IPVAE, Parameters, load_model, model_card, write_model

FIGURES = {
    "r2": 0.84567,
    "zeros": 0.75,
    "distance": 0.29409,
    "spikes_per_tau": 290.4,
    "n_stimuli": 2000,
    "windows": 16,
    "dt_ms": 0.16,
    "command": "ipvae evaluate mine.npz",
}
NASTY = {
    "html": "<script>alert(1)</script>",
    "image": "![x](http://example.org/x.png)",
    "link": "[x](javascript:alert(1))",
    "autolink": "<http://example.org>",
    "emphasis": "*a* __b__ _c_ ~~d~~",
    "code": "`a` ``b``",
    "fence": "```\n# out of the fence\n```",
    "heading": "a\n# Heading\n\nb\n=====",
    "list": "- a\n1. b\n+ c\n> d",
    "entity": "&lt;b&gt; &amp; &#60;",
    "table": "| a | b |",
    "escapes": "\\*a\\* \\",
}


def parameters(**provenance):
    return Parameters(dictionary=np.eye(4), tau=20 * ms, provenance=provenance)


def tokens(card):
    def walk(some):
        for token in some:
            yield token
            yield from walk(token.children or ())

    return list(walk(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(card)))


def text(card):
    return " ".join(t.content for t in tokens(card) if t.type in ("text", "text_special"))


def structure(card):
    return [t.type for t in tokens(card) if t.type not in ("text", "text_special")]


def test_a_model_without_provenance_has_a_card():
    card = model_card(Parameters(dictionary=np.eye(4)))
    assert card.startswith("# Unnamed model\n")
    assert "Data not known." in card and "Figures of held-out stimuli are not known." in card
    assert "Settings: not known." in card
    assert "0 batches" not in card


def test_what_is_known_is_told():
    card = model_card(parameters(name="mine", settings={"ridge": 0.01}, figures=FIGURES))
    for part in ("# mine", "ridge 0.01", "| 0.846 |", "| 0.294 |", "On 2000 validation patches"):
        assert part in card
    assert "| seconds of training | not known |" in card
    assert "```\nipvae evaluate mine.npz\n```" in card


@pytest.mark.parametrize("key", ["name", "settings", "figures", "seconds", "n_batches", "command"])
@pytest.mark.parametrize("value", ["word", 3, 1.5, True, [1, 2], {"a": [1]}, None, {}, ""])
def test_any_provenance_has_a_card(key, value):
    card = model_card(parameters(**{key: value}))
    assert card.startswith("# ")
    assert model_card(parameters(figures={"r2": value, "command": value}))


@pytest.mark.parametrize("where", ["name", "data_note", "settings", "whitening"])
@pytest.mark.parametrize("case", NASTY)
def test_text_stays_text(case, where):
    def card(value):
        if where == "whitening":
            return model_card(Parameters(dictionary=np.eye(4), whitening={value: value}))
        return model_card(parameters(**{where: {value: value} if where == "settings" else value}))

    nasty = card(NASTY[case])
    assert structure(nasty) == structure(card("word"))
    assert "".join(NASTY[case].split()) in "".join(text(nasty).split())


@pytest.mark.parametrize("value", [*NASTY.values(), "````\nx"])
def test_commands_stay_in_their_block(value):
    card = model_card(parameters(command=value, figures=FIGURES | {"command": value}))
    blocks = [t for t in tokens(card) if t.type == "fence"]
    assert [t.content for t in blocks] == [value.replace("\n", " ") + "\n"] * 2
    assert "script" not in text(card) and "Heading" not in text(card)


def test_write_model(tmp_path):
    path = tmp_path / "a b" / "mine.npz"
    path.parent.mkdir()
    card = write_model(path, parameters(name="mine"))
    assert card == path.with_suffix(".md")
    assert card.read_text() == model_card(Parameters.load(path))
    write_model(path, parameters(name="other"))  # its own card may be written again
    assert card.read_text().startswith("# other")


def test_an_estimator_saves_its_card(tmp_path, rng):
    X = rng.normal(size=(200, 16)).astype(np.float32)
    model = IPVAE(8, n_epochs=1, batch_size=100, steps_per_tau=20, random_state=0, ridge=0.02).fit(
        X
    )
    model.save(tmp_path / "plain.npz")
    assert not (tmp_path / "plain.md").exists()
    model.save(tmp_path / "told.npz", card=True, provenance={"name": "told"})
    card = (tmp_path / "told.md").read_text()
    assert card.startswith("# told\n") and "ridge 0.02" in card
    assert IPVAE.load(tmp_path / "told.npz").parameters_.n_neurons == 8


def test_other_files_are_not_overwritten(tmp_path):
    (tmp_path / "README.md").write_text("# My project\n")
    with pytest.raises(FileExistsError, match="README.md exists and is no model card"):
        write_model(tmp_path / "README.npz", parameters())
    assert sorted(os.listdir(tmp_path)) == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "# My project\n"
    with pytest.raises(ValueError, match=r"must not end in \.md"):
        write_model(tmp_path / "model.md", parameters())
    with pytest.raises(FileNotFoundError):
        write_model(tmp_path / "none" / "model.npz", parameters())


def test_shipped_cards_are_told_in_full():
    assert "not known" not in model_card(load_model("photographs-512"))

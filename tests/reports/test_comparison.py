import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from comparisons import example

from ipvae_brian.physiology import Comparison
from ipvae_brian.reports import report_page, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# A page that holds the report at the width of a desktop and of a phone, and measures both.
MEASURE = """<!doctype html><body><script>
const report = %s, found = [];
for (const width of [1280, 390]) {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 900; frame.srcdoc = report;
  frame.onload = async () => {
    const inside = frame.contentDocument, images = [...inside.images];
    await Promise.all(images.map(i => i.decode().catch(() => null)));
    found.push({width, inner: frame.contentWindow.innerWidth,
      scroll: inside.documentElement.scrollWidth,
      images: images.map(i => [i.naturalWidth, i.getBoundingClientRect().width,
        i.getBoundingClientRect().height]),
      loaded: frame.contentWindow.performance.getEntriesByType("resource").map(r => r.name),
      size: parseFloat(frame.contentWindow.getComputedStyle(inside.body).fontSize)});
    if (found.length == 2) document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
  };
  document.body.append(frame);
}
</script></body>"""


@pytest.fixture(scope="module")
def text():
    return report_page(example())


def words(text):
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_every_property_is_there_with_its_sources(text):
    said = words(text)
    for one in example().properties:
        assert f'id="property-{one.name}"' in text and f'href="#property-{one.name}"' in text
        assert one.title in said and one.meaning in said and one.protocol in said
        for measured in (one.shipped, one.preset):
            assert measured is None or measured.sentence in said
        for lab in one.biology:
            assert lab.laboratory in said
            assert (lab.statistic if lab.recording else lab.source) in said
    assert "300 macaque, awake 500 ms = 25 τ 0.66 [0.46 0.83] 0.75 (shipped)" in said
    assert "mine.nwb (your recording)" in said
    assert "40% of tuning curves have a second peak, at most 20%" in said
    assert "(quoted from memory)" in said


def test_verdicts_and_gates(text):
    section = {
        one.name: words(text[text.index(f'id="property-{one.name}"') :].split("</section>")[0])
        for one in example().properties
    }
    assert "Model, shipped: differs . 0.09, below" in section["circular_variance"]
    assert "Model, preset: agrees . 0.56, inside" in section["circular_variance"]
    assert "Model, preset: gate not passed" in section["fano_factor"]
    assert "31% of columns fit a Gabor function" in section["fano_factor"]
    assert "no value to compare with" in section["direction_selectivity"]
    assert "Not measured with the shipped settings: mean counts" in section["onset_quenching"]
    assert "Not measured with the preset: not run" in section["onset_quenching"]
    assert "0.67 [0.62 0.73]" in section["circular_variance"]


def test_figures_of_what_is_known(text):
    """One for each property, and one for the curve."""
    assert text.count("<img ") == 5
    assert text.count("data:image/svg+xml;base64,") == 5


def test_what_agrees_is_counted_of_what_can_be_compared(text):
    said = words(text)
    assert "0 of 3 with the shipped settings, 1 of 3 with the preset" in said
    assert "1 without published values here are told and not judged" in said
    assert "0.889 with the shipped settings, 0.8 with the preset" in said
    assert "ipvae compare example-512 --out DIR" in said


def test_contents_lead_to_every_part(text):
    for name in re.findall(r'<li><a href="#([^"]+)"', text):
        assert text.count(f'id="{name}"') == 1
    contents = words(text[text.index("<nav") : text.index("</nav>")])
    assert contents.startswith("All properties Orientation Variability Curves")


def test_a_comparison_without_preset_vary_recordings_or_curves():
    whole = example()
    bare = Comparison(
        "bare",
        {"shipped": {"r2": 0.9}},
        tuple(replace(one, preset=None, problem_preset="") for one in whole.properties),
        {},
    )
    text = report_page(bare)
    for name in ("vary", "curves", "recordings", "protocols", "figures"):
        assert f'id="{name}"' not in text
    assert "preset" not in words(text.split("<body>")[1])


def test_nothing_in_it_is_taken_for_html():
    nasty = "<img src=x onerror=alert(1)>"
    whole = example()
    properties = tuple(
        replace(one, title=nasty, meaning=nasty, group=nasty, protocol=nasty, problem=nasty)
        for one in whole.properties
    )
    text = report_page(
        replace(whole, model=nasty, properties=properties, about={"command": nasty},
                recordings=({"name": nasty,
                              "not_measured": [{"property": nasty, "reason": nasty}]},),
                settings={"shipped": {nasty: nasty}})
    )  # fmt: skip
    assert "<img src=x" not in text and "&lt;img src=x" in text
    # The only values of attributes that come from the data are escaped.
    assert set(re.findall(r"<(\w+)[^>]*onerror", text)) <= {"img", "td", "a", "h2"}
    assert not re.search(r"<[^>\"]*(\"[^\"]*\"[^>\"]*)*\sonerror=", text)


def test_the_report_is_written_whole_or_not_at_all(tmp_path, monkeypatch, text):
    path = write_report(example(), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "report.html"
    assert path.read_text("utf-8") == text
    with pytest.raises(TypeError, match="comparison must be a Comparison, got str"):
        write_report("text", tmp_path)
    assert not (tmp_path / "report.html").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        write_report(example(), tmp_path / "file")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed to look at the page with")
def test_it_fits_screens_of_desktops_and_phones(tmp_path):
    """In a real browser: nothing sticks out, figures are seen, nothing is loaded."""
    many = {f"a_property_with_a_long_name_{i}": 0.5 for i in range(30)}
    row = {"setting": "noise.shared_gain", "value": 0.45, "r2": 0.8, "distances": many}
    report = json.dumps(report_page(replace(example(), vary=(row,)))).replace("</", "<\\/")
    (tmp_path / "measure.html").write_text(MEASURE % report, "utf-8")
    options = (
        "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --virtual-time-budget=20000 --dump-dom"
    ).split()
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *options, profile, (tmp_path / "measure.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = json.loads(re.search(r"FOUND(.*)END", shown)[1].replace("&amp;", "&"))
    assert {one["width"] for one in found} == {1280, 390}
    for one in found:
        assert one["inner"] == one["width"]
        assert one["scroll"] <= one["inner"], "the page is wider than the screen"
        assert len(one["images"]) == 5
        for natural, width, height in one["images"]:
            assert natural > 0 and width > 300 and height > 80
            assert width <= one["inner"]
        assert [name for name in one["loaded"] if not name.startswith("data:")] == []
        assert one["size"] >= 16

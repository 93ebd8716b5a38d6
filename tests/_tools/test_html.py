"""HTML of notebooks: escaped, self-contained, with the picture that was given."""

import base64
import io
import re

import numpy as np
from PIL import Image

from ipvae_brian._tools.html import table


def test_whatever_it_is_given_is_text():
    evil = "<script>alert('1')</script>&\""
    content = table(evil, {evil: evil})
    assert content.count("&lt;script&gt;") == 3
    assert "<script" not in content and "'1'" not in content


def test_picture_is_in_the_page():
    pixels = np.array([[-1.0, 0.0, 1.0, np.nan], [2.0, -2.0, 0.5, -0.5]])
    content = table("title", {"a": 1}, pixels)
    (data,) = re.findall('src="data:image/png;base64,([^"]*)"', content)
    assert "http" not in content
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert image.shape == (160, 320)
    expected = [[0, 128, 255, 255], [255, 0, 191, 64]]
    np.testing.assert_array_equal(image[40::80, 40::80], expected)

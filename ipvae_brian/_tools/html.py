"""Small HTML tables with a picture, for notebooks: self-contained and escaped."""

import base64
import html
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH = 320


def table(title: str, rows: Mapping[str, object], picture: NDArray | None = None) -> str:
    """Return names and values as an HTML table, beside a picture.

    Parameters
    ----------
    title : str
    rows : mapping of str to object
        Values are shown as their text, whatever it contains.
    picture : numpy.ndarray, shape (rows, columns), optional
        Grey from -1, black, to 1, white; NaN is white.
    """
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(str(name))}</th>'
        f'<td style="text-align:left">{html.escape(str(value))}</td></tr>'
        for name, value in rows.items()
    )
    image = "" if picture is None else _image(picture)
    return (
        '<div style="display:flex;gap:1.5em;align-items:flex-start">'
        f"<table><caption><b>{html.escape(title)}</b></caption>{cells}</table>{image}</div>"
    )


def _image(picture):
    grey = np.where(np.isnan(picture), 255, np.round(127.5 * (np.clip(picture, -1, 1) + 1)))
    image = Image.fromarray(grey.astype(np.uint8))
    height = max(1, round(WIDTH * picture.shape[0] / picture.shape[1]))
    image = image.resize((WIDTH, min(height, WIDTH)), Image.Resampling.NEAREST)
    content = io.BytesIO()
    image.save(content, format="PNG", optimize=True)
    data = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="" width="{WIDTH}" src="data:image/png;base64,{data}">'

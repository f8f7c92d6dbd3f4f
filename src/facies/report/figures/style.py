"""One look for all figures, and SVG that is the same bytes for the same data."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "facies",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": "#222222",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}

INK, GREY, PALE = "#1a1a1a", "#6b6b6b", "#d5dde3"
COLOURS = ("#1a1a1a", "#0072B2", "#D55E00", "#009E73", "#AA5A8A", "#8A6D00")
"""Black for people, then colours that the colour-blind can tell apart (after Okabe and Ito); in grey the markers tell."""

MARKERS = ("o", "s", "D", "^", "v", "P")

_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_HEAD = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|\sxmlns(?::xlink)?=\"[^\"]*\"", re.DOTALL)
_LONG = re.compile(r"(\.\d\d)\d+")
_PLACES = re.compile(r"\s(?:d|x|y|points|transform|viewBox)=\"[^\"]*\"", re.DOTALL)
_MARKER = r'<use href="{0}" x="[^"]*" y="[^"]*" style="{1}"/>\s*'
_RUN = re.compile(_MARKER.format('([^"]*)', '([^"]*)') + "(?:" + _MARKER.format(r"\1", r"\2") + "){9,}")
_SIZE = re.compile(r"(<svg[^>]*?)\swidth=\"[^\"]*\"|(<svg[^>]*?)\sheight=\"[^\"]*\"", re.DOTALL)


def drawn(paint: Callable[[Any], None], *, name: str, width: float, height: float) -> str:
    """Return what ``paint`` draws on a figure as an ``<svg>`` element without namespace, date or outside reference.

    Parameters
    ----------
    paint
        Draws on the :class:`matplotlib.figure.Figure` that it is given.
    name
        Prefix of the identifiers inside the SVG, so that several figures fit in one page.
    width, height
        In points. Text is 10 points; a page shows the figure at its own width or wider.
    """
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        paint(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """Make an SVG file fit for a page: no header, own identifiers, the page's fonts, free width."""
    svg = _HEAD.sub("", svg).replace("xlink:href", "href").replace("'DejaVu Sans'", _FONTS)
    for _ in range(2):
        svg = _SIZE.sub(lambda match: match[1] or match[2], svg, count=1)
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w-]+)", svg))
    svg = re.sub(r"\sid=\"([^\"]*)\"", lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", svg)
    svg = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", svg)
    svg = _RUN.sub(_shared_style, svg)
    svg = _PLACES.sub(lambda match: _LONG.sub(r"\1", match[0]), svg)  # a hundredth of a point is enough and half the bytes
    return re.sub(r"\n\s*", "\n", svg).strip()


def _shared_style(run: re.Match[str]) -> str:
    """Give the style of many equal markers once, to a group around them."""
    return f'<g style="{run[2]}">\n' + run[0].replace(f' style="{run[2]}"', "") + "</g>\n"


def source_style(rank: int) -> tuple[str, str]:
    """Return colour and marker of a source: 0 is the human panel, then the models in order."""
    return COLOURS[rank % len(COLOURS)], MARKERS[rank % len(MARKERS)]

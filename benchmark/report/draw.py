"""Draws figures with matplotlib: a file of its own, or SVG that takes the colours of its page."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.report.figures import Figure, MatrixPanel, Panel, RankPanel
from registries.errors import unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

INK, FAINT = "#0a0b0c", "#0d0e0f"  # chosen: stand for the page's colours, see `svg`
COLOURS = (  # Paul Tol's bright scheme, in an order that keeps neighbours apart
    "#4477aa",
    "#ee6677",
    "#228833",
    "#aa3377",
    "#ccbb44",
    "#66ccee",
    "#888888",
)
SHAPES = "osD^vPX*"
LONGEST = 34  # chosen: letters of a name that leave room for the plot
PANEL, ROW = (3.5, 2.7), 0.3  # inches: of a plot, of a line of a rank diagram
FORMATS = ("svg", "png", "pdf")
FONT = "font-family: 'DejaVu Sans', sans-serif; "  # as matplotlib writes the two settings below
SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # names are text, whatever they hold
    "svg.fonttype": "none",
    "font.size": 9.0,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # named in every text of an SVG: one, not eleven
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def save(figure: Figure, path: Path) -> Path:
    """Write the figure in the format of the path's suffix (svg, png, pdf), on white.

    Raises UsageError for another suffix.
    """
    suffix = path.suffix.removeprefix(".")
    if suffix not in FORMATS:
        raise unknown("format of a plot", suffix, FORMATS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _drawn(figure) as drawing:
        metadata = {"Date": None} if suffix == "svg" else None
        drawing.savefig(path, dpi=200, facecolor="white", metadata=metadata)
    return path


def svg(figure: Figure) -> str:
    """An <svg> element without background; width is in --width, ink currentColor, faint --line."""
    out = io.StringIO()
    with _drawn(figure) as drawing:
        drawing.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # groups are numbered in every figure anew: two figures of a page would share the names
    text = re.sub(r' id="[a-z]+(?:\.[a-z]+)*_\d+"', "", text)
    size = re.search(r' width="([\d.]+pt)" height="[\d.]+pt"', text)
    assert size is not None  # matplotlib writes both
    text = text.replace(FONT, "")  # of all texts of the element, as all have the same
    text = text.replace(size[0], f' style="{FONT}--width: {size[1]}"', 1)
    text = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", text)
    text = text.replace(INK, "currentColor").replace(FAINT, "var(--line)")
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)  # a hundredth of a point is not seen
    text = re.sub(r"<g>\s*(<path[^>]*/>)\s*</g>", r"\1", text)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


@contextmanager
def _drawn(figure: Figure) -> Iterator[Drawing]:
    """The figure on a canvas without a window; closed afterwards."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Drawing

    with mpl.rc_context({**SETTINGS, "svg.hashsalt": figure.name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        most = {RankPanel: 1, MatrixPanel: 2}.get(type(figure.panels[0]), 3)
        columns = min(most, len(figure.panels))
        rows = -(-len(figure.panels) // columns)
        drawing = Drawing(figsize=_size(figure, columns, rows), layout="constrained")
        axes = drawing.subplots(rows, columns, squeeze=False).ravel()
        colours = _colours(figure)
        for axis, panel in zip(axes, figure.panels, strict=False):
            match panel:
                case Panel():
                    _draw_points(axis, panel, colours)
                case RankPanel():
                    _draw_ranks(axis, panel)
                case MatrixPanel():
                    _draw_matrix(axis, panel)
        for axis in axes[len(figure.panels) :]:
            axis.set_axis_off()
        if colours:
            _legend(drawing, axes, colours)
        yield drawing


def _size(figure: Figure, columns: int, rows: int) -> tuple[float, float]:
    first = figure.panels[0]
    if isinstance(first, RankPanel):
        lines = sum(len(p.methods) + 3 for p in figure.panels if isinstance(p, RankPanel))
        return 7.0, lines * ROW
    if isinstance(first, MatrixPanel):
        panels = [panel for panel in figure.panels if isinstance(panel, MatrixPanel)]
        words = 0.065 * max(len(_short(name)) for panel in panels for name in panel.names)
        square = 0.36 * max(len(panel.names) for panel in panels)
        return columns * max(words + square + 0.6, PANEL[0]), rows * (square + 0.9)
    return max(columns, 2) * PANEL[0], rows * PANEL[1] + 0.4


def _colours(figure: Figure) -> dict[str, tuple[str, str]]:
    """Colour and shape of each label, the same in every panel."""
    panels = [panel for panel in figure.panels if isinstance(panel, Panel)]
    labels = dict.fromkeys(series.label for panel in panels for series in panel.series)
    return {
        label: (COLOURS[index % len(COLOURS)], SHAPES[index % len(SHAPES)])
        for index, label in enumerate(labels)
    }


def _legend(drawing: Drawing, axes: Any, colours: dict[str, tuple[str, str]]) -> None:  # noqa: ANN401
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    drawing.legend(
        list(entries.values()),
        [_short(label) for label in entries],
        loc="outside lower center",
        ncols=min(4, len(colours)) if max(map(len, colours)) < 30 else 1,
    )


def _draw_points(axis: Axes, panel: Panel, colours: dict[str, tuple[str, str]]) -> None:
    for series in panel.series:
        colour, shape = colours[series.label]
        half = [width or 0.0 for width in series.half]
        axis.errorbar(
            series.x,
            series.y,
            yerr=None if panel.joined else half,
            color=colour,
            marker=shape,
            markersize=5,
            linestyle="-" if panel.joined else "none",
            label=series.label or " ",
        )
        if panel.joined:
            low = [value - width for value, width in zip(series.y, half, strict=True)]
            high = [value + width for value, width in zip(series.y, half, strict=True)]
            axis.fill_between(series.x, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.set_title(_wrapped(panel.title, 44))
    axis.set_xlabel(panel.x_label)
    axis.set_ylabel(panel.y_label)
    axis.grid(axis="y", color=FAINT, linewidth=0.5, alpha=0.5)
    axis.margins(0.12)
    if panel.ticks:
        axis.set_xticks(range(len(panel.ticks)), panel.ticks)


def _draw_ranks(axis: Axes, panel: RankPanel) -> None:
    places = range(len(panel.methods))
    if panel.low:
        axis.hlines(places, panel.low, panel.high, color=COLOURS[0], linewidth=2, alpha=0.6)
    axis.plot(panel.mean, places, "o", color=COLOURS[0], markersize=5)
    for step, bar in enumerate(panel.bars):
        # a bar joins the ranks of methods that are not told apart
        span = [panel.mean[index] for index in bar]
        level = len(panel.methods) - 0.4 + 0.3 * step
        axis.hlines(level, min(span) - 0.03, max(span) + 0.03, color=INK, linewidth=3)
    axis.set_yticks(list(places), [_short(name) for name in panel.methods])
    axis.set_ylim(len(panel.methods) + 0.3 * len(panel.bars), -0.7)
    axis.set_xlim(0.8, len(panel.methods) + 0.2)
    axis.set_xticks(range(1, len(panel.methods) + 1))
    axis.set_xlabel("average rank, 1 is best")
    axis.grid(axis="x", color=FAINT, linewidth=0.5, alpha=0.5)
    suffix = "" if panel.difference is None else f" · critical difference {panel.difference:.2f}"
    axis.set_title(_wrapped(panel.title + suffix, 56))


def _draw_matrix(axis: Axes, panel: MatrixPanel) -> None:
    from matplotlib.colors import to_rgba

    for line, values in enumerate(panel.values):
        for place, value in enumerate(values):
            if value is None:
                continue
            shade = to_rgba(COLOURS[0], 0.08 + 0.62 * value / max(panel.top, 1))
            axis.add_patch(_square(place, line, shade))
            axis.text(place, line, str(value), ha="center", va="center")
    size = len(panel.names)
    axis.set_xlim(-0.5, size - 0.5)
    axis.set_ylim(size - 0.5, -0.5)
    axis.set_aspect("equal")
    # numbers above, for names would be wider than the squares
    axis.set_xticks(range(size), [str(place + 1) for place in range(size)])
    axis.set_yticks(
        range(size), [f"{_short(name)}  {place + 1}" for place, name in enumerate(panel.names)]
    )
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.set_title(_wrapped(f"{panel.title} · {panel.top} tasks", 24))


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, max_lines=3, placeholder=" …", break_on_hyphens=False)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _square(place: int, line: int, colour: Any) -> Any:  # noqa: ANN401 - matplotlib's colour, patch
    from matplotlib.patches import Rectangle

    return Rectangle((place - 0.48, line - 0.48), 0.96, 0.96, color=colour, linewidth=0)

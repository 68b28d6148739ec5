"""Plots as Markdown with the picture inside, for the metadata of an asset."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _ACCENT, _BAND = "#22313f", "#c8553d", "#f0b8a8"
_COLOURS = ("#c8553d", "#2a7f8e", "#8f8f8f", "#6b5b95")
_PANELS = 4


def plot_forecasts(history: pl.DataFrame, forecasts: pl.DataFrame, title: str) -> dg.MarkdownMetadataValue:
    """Up to four panels: the history of a group, then its expected units with the outer interval.

    history: `group`, `date`, `units_sold`. forecasts: `group`, `date`, `mean`, `low`, `high`.
    """
    groups = forecasts["group"].unique(maintain_order=True).to_list()[:_PANELS]
    figure, panels = _figure(max(len(groups), 1), title)
    for axes, group in zip(panels, groups, strict=False):
        past, future = history.filter(group=group).sort("date"), forecasts.filter(group=group).sort("date")
        axes.plot(past["date"], past["units_sold"], color=_INK, linewidth=0.9)
        axes.fill_between(future["date"], future["low"], future["high"], color=_BAND, linewidth=0)
        axes.plot(future["date"], future["mean"], color=_ACCENT, linewidth=1.4)
        axes.set_title(group, fontsize=9, loc="left")
        axes.set_ylim(bottom=min(0.0, min(future["low"].cast(pl.Float64).to_list(), default=0.0)))
    return _embed(figure, title)


def plot_lines(curves: Mapping[str, pl.DataFrame], x: str, y: str, title: str) -> dg.MarkdownMetadataValue:
    """One line per name through the points (`x`, `y`), such as the error of each model by lead."""
    figure, (axes,) = _figure(1, title)
    for (name, points), colour in zip(curves.items(), _cycle(len(curves)), strict=True):
        ordered = points.sort(x)
        axes.plot(ordered[x], ordered[y], color=colour, linewidth=1.4, label=name)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0)
    figure.legend(loc="outside lower center", ncols=max(len(curves), 1), frameon=False, fontsize=8)
    return _embed(figure, title)


def plot_bars(values: Mapping[str, Mapping[str, float]], y: str, title: str) -> dg.MarkdownMetadataValue:
    """Groups of bars: name of the bar → place on the axis → value, such as the error of each model by level."""
    figure, (axes,) = _figure(1, title)
    places = list(dict.fromkeys(place for one in values.values() for place in one))
    width = 0.8 / max(len(values), 1)
    for number, ((name, one), colour) in enumerate(zip(values.items(), _cycle(len(values)), strict=True)):
        at = [index + width * number for index in range(len(places))]
        axes.bar(at, [one.get(place, 0.0) for place in places], width, color=colour, label=name)
    axes.set_xticks([index + 0.4 - width / 2 for index in range(len(places))], places, rotation=30, ha="right")
    axes.set_ylabel(y)
    figure.legend(loc="outside lower center", ncols=max(len(values), 1), frameon=False, fontsize=8)
    return _embed(figure, title)


def _figure(panels: int, title: str) -> "tuple[Figure, list[Axes]]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 1 if panels == 1 else 2
    rows = -(-panels // columns)
    figure = Figure(figsize=(5.2 * columns, 2.6 * rows + 0.4), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    grid = figure.subplots(rows, columns, squeeze=False)
    flat = [axes for row in grid for axes in row]
    for axes in flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    for unused in flat[panels:]:
        unused.set_visible(False)
    return figure, flat


def _embed(figure: "Figure", title: str) -> dg.MarkdownMetadataValue:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    text = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{text})")


def _cycle(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]

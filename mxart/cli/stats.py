"""``mxart stats``: what the stores hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxart.cli.options import config_option
from mxart.cli.stores import chosen, json_option, run, store_option
from mxart.units import format_size

if TYPE_CHECKING:
    from mxart.store import Figures, Store


@click.command("stats")
@config_option
@store_option
@json_option
def command(config: Path | None, store: str | None, as_json: bool) -> None:
    """Print how much each repository and each store holds."""
    stores = {settings.name: run(settings, _figures) for settings in chosen(config, store)}
    if as_json:
        click.echo(json.dumps({"stores": [_record(name, figures) for name, figures in stores.items()]}))
    else:
        click.echo("\n".join(line for name, figures in stores.items() for line in _lines(name, figures)))


async def _figures(store: Store) -> Figures:
    return await store.index.figures()


def _saved(figures: Figures) -> int:
    """Bytes that are stored once and named more than once."""
    named = sum(holding.size for holding in figures.holdings) + figures.trashed_bytes
    return named - (figures.blob_bytes - figures.loose_bytes)


def _lines(name: str, figures: Figures) -> Iterator[str]:
    yield f"store {name}"
    for holding in figures.holdings:
        size, absences = format_size(holding.size), f", {holding.absences} absences" if holding.absences else ""
        yield f"  {holding.repository}: {holding.entries} entries, {size}{absences}"
    saved = f"; {format_size(_saved(figures))} saved by storing the same content once" if _saved(figures) else ""
    yield f"  on disk: {figures.blobs} blobs, {format_size(figures.blob_bytes)}{saved}"
    yield f"  for gc: {figures.loose} blobs, {format_size(figures.loose_bytes)}"
    yield f"  trash: {figures.trashed} entries, {format_size(figures.trashed_bytes)}"


def _record(name: str, figures: Figures) -> dict[str, object]:
    return {
        "name": name,
        "repositories": [
            {"name": h.repository, "entries": h.entries, "absences": h.absences, "bytes": h.size}
            for h in figures.holdings
        ],
        "blobs": figures.blobs,
        "blob_bytes": figures.blob_bytes,
        "saved_bytes": _saved(figures),
        "loose": figures.loose,
        "loose_bytes": figures.loose_bytes,
        "trashed": figures.trashed,
        "trashed_bytes": figures.trashed_bytes,
    }

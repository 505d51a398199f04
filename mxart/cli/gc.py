"""``mxart gc``: remove what nobody needs any more."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxart.cli.options import config_option
from mxart.cli.progress import Meter, meter
from mxart.cli.stores import chosen, json_option, run, store_option
from mxart.errors import StoreFull
from mxart.settings import StoreSettings
from mxart.units import format_size, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from mxart.store import Store
    from mxart.store.collect import Collected, Sweep


def _duration(ctx: click.Context, parameter: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from error


@click.command("gc")
@config_option
@store_option
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be removed.")
@click.option(
    "--grace",
    callback=_duration,
    default="60 s",
    show_default=True,
    metavar="DURATION",
    help="Spare blobs that somebody named this short a time ago.",
)
@json_option
def command(config: Path | None, store: str | None, dry_run: bool, grace: float, as_json: bool) -> None:
    """Remove old trash, blobs that nothing names, and what dead downloads left. The server may go on meanwhile."""
    from mxart.store.sweep import Counting, Removing

    sweep: Callable[[Store], Sweep] = Counting if dry_run else Removing
    collected = {s.name: run(s, partial(_collected, s, sweep, grace)) for s in chosen(config, store)}
    if as_json:
        records = [{"name": name, **asdict(c), "freed_bytes": c.freed} for name, c in collected.items()]
        click.echo(json.dumps({"dry_run": dry_run, "stores": records}))
        return
    for name, found in collected.items():
        click.echo(f"store {name}: {_summary(found, 'would be freed' if dry_run else 'freed')}")


async def _collected(settings: StoreSettings, sweep: Callable[[Store], Sweep], grace: float, store: Store) -> Collected:
    """What one run has done. On a disk that is full it gives up the reserve and goes on."""
    from mxart.store import reserve
    from mxart.store.collect import Ages, collect

    ages = Ages(now=time.time(), trash=settings.trash_age, grace=grace)
    with meter("gc") as progress:
        try:
            return await collect(store, sweep(store), ages, _told(progress))
        except StoreFull:
            if not reserve.give_up(store.path):
                raise
            try:
                return await collect(store, sweep(store), ages, _told(progress))
            finally:
                reserve.keep(store.path)


def _told(progress: Meter) -> Callable[[Collected], None]:
    """What is told all that was freed so far, and tells the meter how much more that is."""
    before = 0

    def tick(collected: Collected) -> None:
        nonlocal before
        progress.update(collected.freed - before)
        before = collected.freed

    return tick


def _summary(collected: Collected, verb: str) -> str:
    return (
        f"{format_size(collected.freed)} {verb}: {collected.trash} entries of the trash, {collected.blobs} blobs, "
        f"{collected.orphans} orphaned blobs, {collected.incoming} ended downloads, {collected.changes} old changes"
    )

"""``mxart gc``: remove what nobody needs any more."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxart.cli.options import config_option, settings_or_exit
from mxart.cli.progress import Meter, meter
from mxart.cli.stores import chosen, json_option, run, store_option
from mxart.errors import StoreFull
from mxart.settings import Settings, StoreSettings
from mxart.units import format_size, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from mxart.store import Store
    from mxart.store.collect import Collected, Sweep


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run is to do."""

    settings: Settings
    dry: bool
    grace: float  # seconds
    unused_age: float | None  # seconds; None: as long as the trash keeps what was deleted


@dataclass(slots=True)
class _Done:
    """What a run has done, or would do."""

    collected: Collected
    unused: int = 0  # entries that nothing led to
    unused_bytes: int = 0  # of their content, shared content counted for each
    absences: int = 0  # what upstreams did not have, long ago
    outdated: int = 0  # entries that have had their time, and are in the trash now


def _duration(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value)
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
@click.option(
    "--unused-age",
    callback=_duration,
    metavar="DURATION",
    help="Spare manifests without a tag and blobs of no manifest that were pushed or pulled this short a time ago; "
    "left out: the trash_age of the store.",
)
@json_option
def command(
    config: Path | None, store: str | None, dry_run: bool, grace: float, unused_age: float | None, as_json: bool
) -> None:
    """Put old builds of snapshots into the trash; remove old trash, manifests of images without a tag, blobs that
    nothing names, old absences of proxies, and what dead downloads left. The server may go on meanwhile."""
    meant = chosen(config, store)
    what = _Run(settings_or_exit(config), dry_run, grace, unused_age)
    done = {settings.name: run(settings, partial(_done, settings, what)) for settings in meant}
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "stores": [_record(name, each) for name, each in done.items()]}))
        return
    for name, found in done.items():
        click.echo(f"store {name}: {_summary(found, 'would be freed' if dry_run else 'freed')}")


async def _done(settings: StoreSettings, what: _Run, store: Store) -> _Done:
    """What one run has done. On a disk that is full it gives up the reserve and goes on."""
    from mxart.store import reserve

    with meter("gc") as progress:
        try:
            return await _swept(settings, what, store, progress)
        except StoreFull:
            if not reserve.give_up(store.path):
                raise
            try:
                return await _swept(settings, what, store, progress)
            finally:
                reserve.keep(store.path)


async def _swept(settings: StoreSettings, what: _Run, store: Store, progress: Meter) -> _Done:
    from mxart.assembly import old_absences, outdated, unused
    from mxart.repository.unused import Since
    from mxart.store.collect import Ages, collect
    from mxart.store.sweep import Counting, Removing

    now = time.time()
    age = settings.trash_age if what.unused_age is None else what.unused_age
    since = Since(used=now - age, deleted=now - settings.trash_age)
    counting = Counting(store)
    old = [found async for found in outdated(what.settings, settings, store, now, remove=not what.dry)]
    entries = size = 0
    async for found in unused(what.settings, settings, store, since, remove=not what.dry):
        for entry in found.entries:
            entries, size = entries + 1, size + entry.size
            if what.dry:
                await counting.let_go(entry.digest)
    absences = sum([n async for n in old_absences(what.settings, settings, store, now, remove=not what.dry)])
    sweep: Sweep = counting if what.dry else Removing(store)
    ages = Ages(now=now, trash=settings.trash_age, grace=what.grace)
    trashed = sum(len(found.entries) for found in old)
    return _Done(await collect(store, sweep, ages, _told(progress)), entries, size, absences, trashed)


def _record(name: str, done: _Done) -> dict[str, object]:
    collected = done.collected
    entries = {
        "unused": done.unused,
        "unused_bytes": done.unused_bytes,
        "absences": done.absences,
        "outdated": done.outdated,
    }
    return {"name": name, **asdict(collected), **entries, "freed_bytes": collected.freed}


def _told(progress: Meter) -> Callable[[Collected], None]:
    """What is told all that was freed so far, and tells the meter how much more that is."""
    before = 0

    def tick(collected: Collected) -> None:
        nonlocal before
        progress.update(collected.freed - before)
        before = collected.freed

    return tick


def _summary(done: _Done, verb: str) -> str:
    collected = done.collected
    return (
        f"{format_size(collected.freed)} {verb}: {collected.trash} entries of the trash, {done.unused} unused entries, "
        f"{collected.blobs} blobs, {collected.orphans} orphaned blobs, {collected.incoming} ended downloads, "
        f"{collected.changes} old changes, {done.absences} old absences; "
        f"{done.outdated} outdated entries to the trash"
    )

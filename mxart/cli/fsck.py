"""``mxart fsck``: is every blob there, whole, and counted right?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxart.cli.options import PROBLEMS, config_option
from mxart.cli.progress import meter
from mxart.cli.stores import chosen, json_option, run, store_option
from mxart.settings import StoreSettings
from mxart.units import format_size

if TYPE_CHECKING:
    from mxart.store import Store
    from mxart.store.check import Repaired, Report


@click.command("fsck")
@config_option
@store_option
@click.option("--repair", is_flag=True, help="Set counts right; drop what names damaged content.")
@json_option
@click.pass_context
def command(ctx: click.Context, config: Path | None, store: str | None, repair: bool, as_json: bool) -> None:
    """Check the stores; the server may go on meanwhile. Exits with 1 when there are problems that remain.

    With --repair, damaged content goes to the store's folder "quarantine", and the entries that name it are dropped:
    proxies fetch them anew, and what was published must be published again.
    """
    outcomes = {settings.name: _store(settings, repair) for settings in chosen(config, store)}
    if as_json:
        click.echo(json.dumps({"stores": [_record(name, *outcome) for name, outcome in outcomes.items()]}))
    else:
        click.echo("\n".join(line for name, outcome in outcomes.items() for line in _lines(name, *outcome)))
    if any(not report.clean and repaired is None for report, repaired in outcomes.values()):
        ctx.exit(PROBLEMS)


def _store(settings: StoreSettings, repair: bool) -> tuple[Report, Repaired | None]:
    return run(settings, _repaired if repair else _checked)


async def _checked(store: Store) -> tuple[Report, Repaired | None]:
    from mxart.store.check import check

    figures = await store.index.figures()
    with meter("fsck", figures.blob_bytes) as progress:
        return await check(store, time.time(), progress.update), None


async def _repaired(store: Store) -> tuple[Report, Repaired | None]:
    from mxart.store.check import repair

    report, _ = await _checked(store)
    return report, None if report.clean else await repair(store, report, time.time())


def _lines(name: str, report: Report, repaired: Repaired | None) -> Iterator[str]:
    problems = len(report.damaged) + len(report.miscounted)
    verdict = "clean" if report.clean else f"{problems} problem{'s' if problems > 1 else ''}"
    yield f"store {name}: {report.blobs} blobs checked: {verdict}"
    for damage in report.damaged:
        yield f"  {damage.kind}: {damage.blob.digest}, named by {damage.blob.references}"
    for wrong in report.miscounted:
        said = "it has no record" if wrong.recorded is None else f"its record says {wrong.recorded}"
        yield f"  miscounted: {wrong.digest} is named by {wrong.references}; {said}"
    if repaired is not None:
        yield from _repairs(repaired)
    if report.orphans or report.leftovers:
        size = format_size(report.orphan_bytes)
        yield f"  for gc: {report.orphans} orphaned blobs ({size}), {report.leftovers} files of ended downloads"


def _repairs(repaired: Repaired) -> Iterator[str]:
    yield f"  repaired: {len(repaired.recounted)} counts, {len(repaired.lost)} blobs"
    for entry in repaired.dropped:
        yield f"  dropped: {entry.repository} {entry.path}"


def _record(name: str, report: Report, repaired: Repaired | None) -> dict[str, object]:
    return {
        "name": name,
        "clean": report.clean,
        "blobs": report.blobs,
        "damaged": [{"digest": str(d.blob.digest), "kind": d.kind} for d in report.damaged],
        "miscounted": [
            {"digest": str(m.digest), "references": m.references, "recorded": m.recorded} for m in report.miscounted
        ],
        "orphans": report.orphans,
        "orphan_bytes": report.orphan_bytes,
        "leftovers": report.leftovers,
        "repaired": None if repaired is None else _repair_record(repaired),
    }


def _repair_record(repaired: Repaired) -> dict[str, object]:
    return {
        "recounted": len(repaired.recounted),
        "lost": [str(digest) for digest in repaired.lost],
        "dropped": [{"repository": entry.repository, "path": entry.path} for entry in repaired.dropped],
    }

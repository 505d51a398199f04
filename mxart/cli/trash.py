"""``mxart trash``: what was deleted and can still be restored."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mxart.cli.options import PROBLEMS, config_option
from mxart.cli.stores import chosen, exit_with, json_option, run, store_option
from mxart.errors import Conflict, NotFound
from mxart.settings import StoreSettings
from mxart.units import format_rfc3339, format_size

if TYPE_CHECKING:
    from mxart.model import Entry
    from mxart.store import Store, Trashed

_LINE = "{id:>8}  {deleted}  {human:>10}  {repository} {path}  (until {until}{together})"


@click.group("trash")
@config_option
def command(config: Path | None) -> None:
    """List and restore what was deleted."""


@command.command("list")
@config_option
@store_option
@json_option
def list_(config: Path | None, store: str | None, as_json: bool) -> None:
    """Print what can be restored, the oldest first."""
    items = [_record(s, trashed) for s in chosen(config, store) for trashed in run(s, _all)]
    if as_json:
        click.echo(json.dumps({"trash": items}))
        return
    for item in items:
        click.echo(_LINE.format(**item, together=_together(item["batch"], item["batch_size"])))
    if not items:
        click.echo("the trash is empty")


@command.command("restore")
@config_option
@store_option
@json_option
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1))
@click.pass_context
def restore(ctx: click.Context, config: Path | None, store: str | None, as_json: bool, ids: tuple[int, ...]) -> None:
    """Put entries back where they were, each with those that were deleted together with it; exits with 1 when one of
    them cannot be."""
    meant = chosen(config, store)
    if len(meant) != 1:
        exit_with(f"there are several stores; say with --store which one: {', '.join(s.name for s in meant)}")
    outcomes = run(meant[0], partial(_restored, ids))
    if as_json:
        click.echo(json.dumps({"restored": [_outcome(*pair) for pair in outcomes]}))
    else:
        for trash_id, outcome in outcomes:
            click.echo(f"{trash_id}: {outcome if isinstance(outcome, str) else f'restored {outcome.path}'}")
    if any(isinstance(outcome, str) for _, outcome in outcomes):
        ctx.exit(PROBLEMS)


def _together(batch: int, size: int) -> str:
    """What was deleted together has consecutive ids."""
    return f"; {batch} to {batch + size - 1} come back together" if size > 1 else ""


async def _all(store: Store) -> Sequence[Trashed]:
    found: list[Trashed] = []
    while page := await store.index.trash(found[-1].id if found else 0):
        found += page
    return found


async def _restored(ids: Sequence[int], store: Store) -> list[tuple[int, Entry | str]]:
    """What was restored for each id, or why it was not; nothing for those that came back with an earlier one."""
    batches = {trash_id: await _batch(store, trash_id) for trash_id in ids}
    outcomes: list[tuple[int, Entry | str]] = []
    done: set[int] = set()
    for trash_id, batch in batches.items():
        if batch not in done:
            done.add(batch)
            outcomes += await _outcomes(store, trash_id)
    return outcomes


async def _batch(store: Store, trash_id: int) -> int:
    """The batch of the item; its own id when it is not there."""
    return next((item.batch for item in await store.index.trash(trash_id - 1, 1) if item.id == trash_id), trash_id)


async def _outcomes(store: Store, trash_id: int) -> list[tuple[int, Entry | str]]:
    try:
        return [(trash_id, entry) for entry in await store.index.restore(trash_id, time.time())]
    except (NotFound, Conflict) as error:
        return [(trash_id, error.message)]


def _record(settings: StoreSettings, trashed: Trashed) -> dict[str, Any]:
    return {
        "store": settings.name,
        "id": trashed.id,
        "batch": trashed.batch,
        "batch_size": trashed.batch_size,
        "repository": trashed.entry.repository,
        "path": trashed.entry.path,
        "size": trashed.entry.size,
        "human": format_size(trashed.entry.size),
        "deleted": format_rfc3339(trashed.deleted),
        "until": format_rfc3339(trashed.deleted + settings.trash_age),
    }


def _outcome(trash_id: int, outcome: Entry | str) -> dict[str, object]:
    if isinstance(outcome, str):
        return {"id": trash_id, "error": outcome}
    return {"id": trash_id, "repository": outcome.repository, "path": outcome.path}

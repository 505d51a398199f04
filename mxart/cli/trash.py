"""``mxart trash``: what was deleted and can still be restored."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxart.cli.options import PROBLEMS, config_option
from mxart.cli.stores import chosen, exit_with, json_option, run, store_option
from mxart.errors import Conflict, NotFound
from mxart.settings import StoreSettings
from mxart.units import format_rfc3339, format_size

if TYPE_CHECKING:
    from mxart.model import Entry
    from mxart.store import Store, Trashed


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
        click.echo("{id:>8}  {deleted}  {human:>10}  {repository} {path}  (until {until})".format(**item))
    if not items:
        click.echo("the trash is empty")


@command.command("restore")
@config_option
@store_option
@json_option
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1))
@click.pass_context
def restore(ctx: click.Context, config: Path | None, store: str | None, as_json: bool, ids: tuple[int, ...]) -> None:
    """Put entries back where they were; exits with 1 when one of them cannot be."""
    meant = chosen(config, store)
    if len(meant) != 1:
        exit_with(f"there are several stores; say with --store which one: {', '.join(s.name for s in meant)}")
    outcomes = run(meant[0], partial(_restored, ids))
    if as_json:
        click.echo(json.dumps({"restored": [_outcome(*pair) for pair in outcomes.items()]}))
    else:
        for trash_id, outcome in outcomes.items():
            click.echo(f"{trash_id}: {outcome if isinstance(outcome, str) else f'restored {outcome.path}'}")
    if any(isinstance(outcome, str) for outcome in outcomes.values()):
        ctx.exit(PROBLEMS)


async def _all(store: Store) -> Sequence[Trashed]:
    found: list[Trashed] = []
    while page := await store.index.trash(found[-1].id if found else 0):
        found += page
    return found


async def _restored(ids: Sequence[int], store: Store) -> dict[int, Entry | str]:
    """What was restored, or why it was not."""
    outcomes: dict[int, Entry | str] = {}
    for trash_id in ids:
        try:
            outcomes[trash_id] = await store.index.restore(trash_id, time.time())
        except (NotFound, Conflict) as error:
            outcomes[trash_id] = error.message
    return outcomes


def _record(settings: StoreSettings, trashed: Trashed) -> dict[str, object]:
    return {
        "store": settings.name,
        "id": trashed.id,
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

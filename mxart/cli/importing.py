"""``mxart import``: what another repository has, copied into one of mxart."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, TextIO
from urllib.parse import SplitResult

import click

from mxart.cli.copies.localtree import LocalTree
from mxart.cli.copies.mavenserver import MavenServer
from mxart.cli.copies.selection import sort_out
from mxart.cli.copies.sending import Copying
from mxart.cli.copies.tally import Tally
from mxart.cli.copies.trees import AGAIN, Ended, LeftOut, Tree
from mxart.cli.copies.webtree import WebTree
from mxart.cli.login import Asked, base_url, login, login_options, netrc_login, warn_of_open_password
from mxart.cli.options import PROBLEMS, config_option
from mxart.cli.progress import meter
from mxart.cli.stores import json_option
from mxart.cli.targets import target
from mxart.formats.maven.trees import Artifact
from mxart.units import format_size
from mxart.upstream import patience
from mxart.upstream.blocking import Connections
from mxart.upstream.failures import printable
from mxart.upstream.patience import Patience

_FORMAT = "maven"
_MOST_JOBS = 64
_LONGEST = 2000  # characters of a path that is shown
_INTERRUPTED = f"It was interrupted. {AGAIN}"


@click.group("import")
@config_option
def command(config: Path | None) -> None:
    """Copy other repositories into this one."""


@command.command("maven")
@config_option
@click.argument("source", metavar="DIR|URL")
@click.option("--to", metavar="URL|NAME", help="Base URL or name of the repository that takes it.")
@login_options
@click.option("--jobs", type=click.IntRange(1, _MOST_JOBS), default=8, show_default=True, help="Folders at once.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent; ask no server but the source.")
@click.option("--report", type=click.File("w", lazy=False), metavar="FILE", help="Tell each file's lot in JSON lines.")
@json_option
@click.pass_context
def maven(ctx: click.Context, /, config: Path | None, source: str, **options: Any) -> None:
    """Copy a tree in Maven's repository layout: a folder, or a URL whose server lists folders on index pages.

    Files whose checksum files say otherwise are left out; so are checksums and maven-metadata.xml, which the server
    makes itself. What is there already is not sent again: run it again after whatever ended it. For a source that
    wants a login, put a line into ~/.netrc; --user and --password-file are for --to, as for "mxart go publish".

    The exit code is 0 when all artifacts are there, 1 when some are not.
    """
    asked = _Options(config=config, source=source, **options)
    with asked.report or nullcontext():
        run = _Import(asked)
        ended = run.run()
    if ended:
        click.echo(f"mxart: {ended}", err=True)
    ctx.exit(PROBLEMS if ended or run.lost else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the command line says."""

    config: Path | None
    source: str
    to: str | None
    user: str | None
    password_file: Path | None
    jobs: int
    dry_run: bool
    report: TextIO | None
    as_json: bool


class _Import:
    """One run."""

    def __init__(self, asked: _Options) -> None:
        """Raises UsageError for what the command line lacks."""
        self._asked = asked
        self._stop = Event()
        self._connections = Connections(self._stop.is_set)
        self._patience = Patience(self._stop, patience.PAUSES)
        self._tally = Tally(asked.report)
        self._is_remote = asked.source.startswith(("http://", "https://"))
        self._to = target(asked.to, _FORMAT, asked.config) if asked.to else None
        if self._to is None and not asked.dry_run:
            raise click.UsageError("say with --to which repository takes it")
        self._tree = self._source()

    @property
    def lost(self) -> int:
        """How many artifacts are not there now."""
        return self._tally.lost

    def run(self) -> str:
        """Why it was not done to the end; "" when it was. What became of the files has been told."""
        ended = ""
        try:
            if self._to is None or self._asked.dry_run:
                self._look()
            else:
                self._copy(self._to)
            self._tally.flush()
        except Ended as error:
            ended = str(error)
        except KeyboardInterrupt:
            ended = _INTERRUPTED
        except BrokenPipeError:  # nobody reads what is shown
            raise
        except OSError as error:
            ended = f"{error.filename or 'The report'} cannot be written: {error.strerror}"
        self._tell(ended)
        return ended

    def _source(self) -> Tree:
        if not self._is_remote:
            folder = Path(self._asked.source)
            if not folder.is_dir():
                raise click.BadParameter(f"{folder} is neither a folder nor an http or https URL", param_hint="SOURCE")
            return LocalTree(folder)
        base = base_url(self._asked.source, "SOURCE")
        who = netrc_login(base, None, os.environ)
        if who is not None:
            warn_of_open_password(base)
        return WebTree(base, who, self._connections, self._patience)

    def _copy(self, to: SplitResult) -> None:
        asked = self._asked
        who = login(to, Asked(asked.config, asked.user, asked.password_file), os.environ)
        warn_of_open_password(to)
        server = MavenServer(to, who, self._connections, self._patience)
        with meter("copying", None if self._is_remote else self._size()) as progress:
            Copying(self._tree, server, self._tally, progress, self._stop).run(asked.jobs)

    def _size(self) -> int:
        """Bytes of all that will be compared and sent."""
        folders = (each for each in self._tree.walk() if not isinstance(each, LeftOut))
        files = (each for folder in folders for each in sort_out(folder))
        return sum(each.size or 0 for each in files if isinstance(each, Artifact))

    def _look(self) -> None:
        """The tally knows what would be sent; it has been shown."""
        for found in self._tree.walk():
            for each in [found] if isinstance(found, LeftOut) else sort_out(found):
                if isinstance(each, LeftOut):
                    self._tally.add_left_out(each)
                    continue
                self._tally.add_sent(each.path, each.size, "would be sent")
                if not self._asked.as_json:
                    size = "" if each.size is None else f"  {format_size(each.size)}"
                    click.echo(f"  {printable(each.path, _LONGEST)}{size}")

    def _tell(self, ended: str) -> None:
        asked, tally = self._asked, self._tally
        if not asked.as_json:
            click.echo("\n".join(tally.lines("would send" if asked.dry_run else "sent")))
            return
        document = {
            "source": asked.source,
            "to": None if self._to is None else self._to.geturl(),
            "would_send" if asked.dry_run else "sent": tally.sent.document(),
            **tally.document(),
            "ended": ended or None,
        }
        click.echo(json.dumps(document))

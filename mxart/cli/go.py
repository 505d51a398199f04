"""``mxart go``: what the go command has no command for: publishing a module."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import click

from mxart.cli.login import Asked, base_url, login, login_options, warn_of_open_password
from mxart.cli.options import PROBLEMS, config_option
from mxart.cli.progress import meter
from mxart.cli.refusals import advice, lines
from mxart.cli.release import Refused, Release, Zip, release, zipped
from mxart.cli.stores import json_option
from mxart.cli.targets import configured, target
from mxart.errors import MxartError
from mxart.formats.go.factory import GoFactory
from mxart.formats.go.paths import upstream_path, version_file
from mxart.units import format_rfc3339, format_size
from mxart.upstream.failures import printable
from mxart.upstream.upload import Upload, Uploaded, upload

_VARIABLE = "MXART_GO_URL"
_LONGEST = 4096  # characters of a path that is shown
_OK, _CREATED = 200, 201  # it was there already; it has been published
_TAKEN = "What is published never changes: give the change another version."


@click.group("go")
@config_option
def command(config: Path | None) -> None:
    """Publish Go modules."""


@command.command("publish")
@config_option
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--module", metavar="PATH", help="The module path; left out: what the go.mod says.")
@click.option("--version", metavar="VERSION", help="The version; left out: the git tag of the commit.")
@click.option("--to", metavar="URL", envvar=_VARIABLE, help=f"Base URL or name of the repository; else ${_VARIABLE}.")
@login_options
@click.option("--dry-run", is_flag=True, help="Show what would be published; upload nothing.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Keep the zip as this file, too."
)
@json_option
@click.pass_context
def publish(ctx: click.Context, /, config: Path | None, folder: Path, **options: Any) -> None:
    """Publish the module in DIR.

    In a git work tree the files that git tracks are published, else all that a module may hold; vendored packages and
    nested modules are left out. The password is that of --password-file; else of ~/.netrc; for the user admin of a
    server that the configuration describes, the one that its first start wrote; else it is prompted for.
    """
    asked = _Options(config=config, **options)
    try:
        wanted = release(folder, asked.module, asked.version)
        server = _target(asked)
        with zipped(wanted, asked.output) as made:
            document = _document(wanted, made, server)
            if server is not None and not asked.dry_run:
                document["published"] = _publish(wanted, made, server, asked)
            elif not asked.as_json:
                click.echo("\n".join(_report(wanted, made, server)))
    except Refused as refused:
        for problem in refused.problems:
            click.echo(f"mxart: {problem}", err=True)
        document = {"problems": refused.problems}
        ctx.exit(_told(document, asked, PROBLEMS))
    _told(document, asked, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the command line says."""

    config: Path | None
    module: str | None
    version: str | None
    to: str | None
    user: str | None
    password_file: Path | None
    dry_run: bool
    output: Path | None
    as_json: bool


def _told(document: Mapping[str, object], asked: _Options, code: int) -> int:
    if asked.as_json:
        click.echo(json.dumps(document))
    return code


# --- where to ----------------------------------------------------------------------------------------------------


def _target(asked: _Options) -> SplitResult | None:
    """The base URL of the repository; None when nobody says one and nothing is uploaded. Raises UsageError."""
    if asked.to:
        return target(asked.to, GoFactory.name, asked.config)
    urls = configured(GoFactory.name, asked.config)
    if len(urls) == 1:
        return base_url(urls[0], "the configuration's public_url")
    if asked.dry_run:
        return None
    found = f"; the configuration has {', '.join(urls)}" if urls else ""
    raise click.UsageError(f"say with --to, or in ${_VARIABLE}, the base URL of the repository to publish to{found}")


def _url(server: SplitResult, wanted: Release) -> str:
    path = upstream_path(version_file(wanted.module, wanted.version, "zip"))
    query = "" if wanted.time is None else f"time={format_rfc3339(wanted.time)}"
    return server._replace(path=f"{server.path}/{path}", query=query).geturl()


# --- sending it --------------------------------------------------------------------------------------------------


def _publish(wanted: Release, made: Zip, server: SplitResult, asked: _Options) -> bool:
    """True after: the server holds the release, and has just published it; False: it had it already.

    Raises ClickException with what the server says and what to do.
    """
    who = login(server, Asked(asked.config, asked.user, asked.password_file), os.environ)
    warn_of_open_password(server)
    _say_what_is_left_out(wanted)
    sending = Upload(
        url=_url(server, wanted),
        file=made.file,
        size=made.size,
        media_type="application/zip",
        username=who.username,
        password=who.password,
    )
    try:
        with meter("uploading", made.size) as progress:
            answer = upload(sending, progress.update)
    except MxartError as error:
        raise click.ClickException(error.message) from error
    _check(answer, wanted, made, server)
    if not asked.as_json:
        click.echo(made.sums.lines(wanted.module, wanted.version), nl=False)
    done = "published" if answer.status == _CREATED else "was there already"
    click.echo(f"{wanted.module} {wanted.version}: {done} at {server.geturl()}", err=True)
    return answer.status == _CREATED


def _check(answer: Uploaded, wanted: Release, made: Zip, server: SplitResult) -> None:
    """Return when the server says that it holds what was sent. Raises ClickException."""
    if answer.status not in (_OK, _CREATED):
        advised = _TAKEN if answer.status == 409 else advice(answer.status, "Go")
        words = "\n".join([*lines(answer.text), *([advised] if advised else [])])
        raise click.ClickException(f"{server.netloc} answers {answer.status}: {words}".rstrip(": "))
    ours = made.sums.lines(wanted.module, wanted.version).splitlines()
    theirs = lines(answer.text)
    if theirs != ours:
        raise click.ClickException(
            "the server does not confirm the sums of what was sent:\n"
            + "\n".join([*(f"  sent {line}" for line in ours), *(f"  told {line}" for line in theirs or ["nothing"])])
        )


def _say_what_is_left_out(wanted: Release) -> None:
    counts = Counter(each.reason for each in wanted.selection.left_out)
    if counts:
        told = ", ".join(f"{count} {reason}" for reason, count in counts.items())
        click.echo(f"left out: {told} (--dry-run lists them)", err=True)


# --- showing it --------------------------------------------------------------------------------------------------


def _document(wanted: Release, made: Zip, server: SplitResult | None) -> dict[str, object]:
    return {
        "module": wanted.module,
        "version": wanted.version,
        "time": None if wanted.time is None else format_rfc3339(wanted.time),
        "url": None if server is None else _url(server, wanted),
        "published": None,
        "files": [{"path": source.path, "size": source.size} for source in wanted.selection.files],
        "left_out": [{"path": each.path, "reason": each.reason} for each in wanted.selection.left_out],
        "size": wanted.selection.size,
        "zip_size": made.size,
        "go_sum": made.sums.lines(wanted.module, wanted.version).splitlines(),
    }


def _report(wanted: Release, made: Zip, server: SplitResult | None) -> Iterator[str]:
    """What a dry run shows."""
    selection = wanted.selection
    yield f"{wanted.module} {wanted.version}"
    yield from _columns((source.path, format_size(source.size)) for source in selection.files)
    if selection.left_out:
        yield "left out"
        yield from _columns((printable(each.path, _LONGEST), each.reason) for each in selection.left_out)
    files = f"{len(selection.files)} file{'s' if len(selection.files) > 1 else ''}"
    yield f"{files}, {format_size(selection.size)}; the zip has {format_size(made.size)}"
    if wanted.time is not None:
        yield f"committed {format_rfc3339(wanted.time)}"
    yield from made.sums.lines(wanted.module, wanted.version).splitlines()
    yield f"nothing was uploaded; it would go to {_url(server, wanted)}" if server else "nothing was uploaded"


def _columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    rows = list(rows)
    width = max(len(path) for path, _ in rows)
    for path, fact in rows:
        yield f"  {path.ljust(width)}  {fact}"

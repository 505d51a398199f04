"""Which server a command speaks to, and as whom; and that nobody else gets to see the password."""

from __future__ import annotations

import netrc
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import click

from mxart.access.bootstrap import ADMIN
from mxart.cli.options import settings_or_exit
from mxart.config import find
from mxart.server.mounts import ANY_HOST
from mxart.settings import Settings
from mxart.store.layout import admin_password_path

F = TypeVar("F", bound=Callable[..., object])

_LONGEST_PASSWORD = 4096  # characters


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says about the login: ``--config``, ``--user``, ``--password-file``."""

    config: Path | None = None
    user: str | None = None
    password_file: Path | None = None


def login_options(function: F) -> F:
    """The command takes ``--user NAME`` as ``user: str | None``, ``--password-file FILE`` as
    ``password_file: Path | None``."""
    user = click.option("--user", metavar="NAME", help="Who publishes; left out: as ~/.netrc says, else admin.")
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    return user(click.option("--password-file", type=file, metavar="FILE")(function))


def server_url(text: str) -> SplitResult | None:
    """The parts of the http or https URL of a server; None for anything else, and when there are credentials in it."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if usable and "@" not in parts.netloc and text.isprintable() else None


def base_url(text: str, where: str) -> SplitResult:
    """The URL below which paths are asked for, without a slash at its end. Raises BadParameter for ``where``."""
    parts = server_url(text)
    if parts is None or parts.query or parts.fragment or " " in text:
        raise click.BadParameter(
            "want the http or https URL of a repository, without credentials, such as https://artifacts.example.org/go",
            param_hint=where,
        )
    return parts._replace(path=parts.path.rstrip("/"))


def login(server: SplitResult, asked: Asked, environ: Mapping[str, str]) -> Login:
    """Who writes to ``server``: as the command line says; else as netrc says, as for the go command; else the admin of
    the server that the configuration describes; else whoever types a password.

    Raises UsageError with what to do when nobody can be asked.
    """
    if asked.password_file is not None:
        return Login(asked.user or ADMIN, password_in(asked.password_file))
    found = netrc_login(server, asked.user, environ)
    if found is not None:
        return found
    user = asked.user or ADMIN
    # without a file nothing but this machine can be meant, and to find out what a quick start would serve takes a while
    if find(asked.config, environ) is not None or _is_loopback(server.hostname or ""):
        password = known_password(asked.config, server, user)
        if password is not None:
            return Login(user, password)
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"no password for {user} at {server.netloc}: give --password-file, or a line for it in ~/.netrc"
        )
    return Login(user, click.prompt(f"Password of {user} at {server.netloc}", hide_input=True, err=True))


def password_in(file: Path) -> str:
    """The first line of what ``--password-file`` names. Raises BadParameter."""
    try:
        return _first_line(file)
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read as text", param_hint="--password-file") from error


def known_password(config: Path | None, server: SplitResult, user: str) -> str | None:
    """The password that the first start wrote, None when there is none for ``user`` at ``server``.

    It is for nobody but the server that made it: it would fit no other, and another must not get to see it.
    """
    if user != ADMIN:
        return None
    settings = settings_or_exit(config)
    if server.hostname not in _own_names(settings) and not _is_loopback(server.hostname or ""):
        return None
    try:
        return _first_line(admin_password_path(settings.stores["default"].path))
    except (OSError, UnicodeDecodeError):
        return None


def warn_of_open_password(server: SplitResult) -> None:
    """Say so when a password is about to be sent so that everybody on the way can read it."""
    if server.scheme == "http" and not _is_loopback(server.hostname or ""):
        click.echo(f"warning: the password goes to {server.netloc} unencrypted; use https", err=True)


def _is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on the machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def netrc_login(server: SplitResult, user: str | None, environ: Mapping[str, str]) -> Login | None:
    """The line for host and port, else for the host, of ``user`` when it is given; "default" lines do not count.

    Raises UsageError when the file cannot be used.
    """
    file = Path(environ["NETRC"]) if environ.get("NETRC") else Path.home() / ".netrc"
    if not file.is_file():
        return None
    try:
        hosts = netrc.netrc(file).hosts
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError) as error:
        reason = error.msg if isinstance(error, netrc.NetrcParseError) else "it cannot be read as text"
        raise click.UsageError(f"{file} cannot be used: {reason}") from error
    for name in (server.netloc, server.hostname or ""):
        line = hosts.get(name) if name != "default" else None
        if line is not None and line[2] is not None and user in (None, line[0]):
            return Login(line[0], line[2])
    return None


def _own_names(settings: Settings) -> set[str | None]:
    """The host names and addresses by which the configuration says that this server is reached."""
    listened = {urlsplit(f"//{address}").hostname for each in settings.listeners for address in each.listen}
    bound = {host.host for repository in settings.repositories for host in repository.hosts}
    return (listened | bound | {urlsplit(settings.server.public_url).hostname}) - {None, ANY_HOST}


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return lines.readline(_LONGEST_PASSWORD).rstrip("\r\n")

"""``mxart why``: asks a running server how it answers a URL."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import SplitResult, quote

import click

from mxart.access.bootstrap import ADMIN
from mxart.api.why import Explanation
from mxart.cli.login import known_password, password_in, server_url
from mxart.cli.options import config_option
from mxart.trail import Fact

_TIMEOUT = 120.0  # seconds; the server may have to ask a slow upstream first
_MOST = 4 << 20  # bytes of an answer


@click.command("why")
@config_option
@click.argument("url")
@click.option("--user", default=ADMIN, show_default=True, metavar="NAME", help="Who asks; must be an admin.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Its first line is the password.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(config: Path | None, url: str, user: str, password_file: Path | None, as_json: bool) -> None:
    """Explain how URL is answered: who may read it, what the cache holds, which upstream was asked and what it said.

    The server at URL is asked. The password is that of --password-file; for the user admin of a server that the
    configuration describes, the one that its first start wrote; else it is prompted for.
    """
    server = server_url(url)
    if server is None:
        raise click.BadParameter("want an http or https URL of an mxart server, without credentials", param_hint="URL")
    password = password_in(password_file) if password_file else known_password(config, server, user)
    if password is None:
        password = click.prompt(f"Password of {user} at {server.netloc}", hide_input=True, err=True)
    document = _ask(server, url, user, password)
    explanation = _explanation(document)
    click.echo(json.dumps(document, indent=2) if as_json else "\n".join(_report(explanation)))


# --- asking ----------------------------------------------------------------------------------------------------


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the credentials are for the server that was named."""

    def redirect_request(
        self, req: object, fp: object, code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> None:
        return None


def _ask(server: SplitResult, url: str, user: str, password: str) -> object:
    """The JSON document that the server answers with. Raises ClickException with what is wrong."""
    request = urllib.request.Request(
        f"{server.scheme}://{server.netloc}/-/api/v1/why?url={quote(url, safe='')}",
        headers={
            "Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode(),
            "Accept": "application/json",
        },
    )
    # past any proxy of the environment, which would read the credentials of a plain HTTP request
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            return _document(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise click.ClickException(f"{server.netloc} answers {error.code}: {_reason(error)}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise click.ClickException(f"{server.netloc} does not answer: {_plain(str(reason))}") from error


def _document(answer: IO[bytes]) -> object:
    data = answer.read(_MOST + 1)
    try:
        if len(data) > _MOST:
            raise ValueError
        return json.loads(data)
    except ValueError as error:
        raise click.ClickException("The answer is not what an mxart server says.") from error


def _reason(error: urllib.error.HTTPError) -> str:
    """What the envelope of the error says, else what HTTP calls the status."""
    try:
        match _document(error):
            case {"error": {"message": str(message)}}:
                return _plain(message)
    except (click.ClickException, OSError, http.client.HTTPException):
        pass
    return _plain(error.reason)


def _explanation(document: object) -> Explanation:
    match document:
        case {
            "url": str(url),
            "repository": str(repository),
            "status": int(status),
            "cache_status": str(cache_status),
            "summary": str(summary),
            "trail": [*trail],
        } if all(isinstance(step, dict) for step in trail):
            return Explanation(
                url=url,
                repository=repository,
                status=status,
                cache_status=cache_status,
                summary=summary,
                trail=trail,
            )
    raise click.ClickException("The answer is not what an mxart server says.")


# --- telling ---------------------------------------------------------------------------------------------------


def _report(explanation: Explanation) -> Iterator[str]:
    yield _plain(explanation.url)
    yield from (f"  {_plain(line)}" for line in explanation.summary.split("\n"))
    yield ""
    yield f"  repository    {_plain(explanation.repository) or 'none'}"
    yield f"  status        {explanation.status}"
    yield f"  Cache-Status  {_plain(explanation.cache_status) or 'none'}"
    yield ""
    width = max((len(str(step.get("step", ""))) for step in explanation.trail), default=0)
    for number, step in enumerate(explanation.trail, start=1):
        name = _plain(str(step.get("step", ""))).ljust(width)
        yield f"  {number:>2}. {name}  {_facts(step)}".rstrip()


def _facts(step: Mapping[str, Fact]) -> str:
    return "  ".join(f"{_plain(name)}={_value(fact)}" for name, fact in step.items() if name != "step")


def _value(fact: object) -> str:
    """A fact as people write it; one with spaces in it in quotes."""
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    text = "none" if fact is None else _plain(f"{fact:.3f}" if isinstance(fact, float) else _on_one_line(str(fact)))
    return f'"{text}"' if " " in text or not text else text


def _on_one_line(text: str) -> str:
    """The lines, such as what each member of a group says, one behind the other."""
    return "; ".join(line.strip() for line in text.split("\n"))


def _plain(text: str) -> str:
    """Nothing that a terminal would obey: the words may be an upstream's."""
    return "".join(character if character.isprintable() else "�" for character in text)

"""What a server says when it refuses something, as a person is told; pure."""

from __future__ import annotations

import json

from mxart.upstream.failures import printable

_MOST_LINES = 8  # of what a server says
_LONGEST = 4096  # characters of a line that is shown
_REDIRECTED = "It leads elsewhere, and a password is not sent along: give the URL that it leads to with --to."


def lines(text: str) -> list[str]:
    """The first lines of a text that are not empty, fit for a terminal."""
    return [printable(line, _LONGEST) for line in text.splitlines() if line.strip()][:_MOST_LINES]


def sentence(text: str) -> str:
    """What the text says in one line: of a problem document (RFC 9457) its detail, of a page nothing.

    >>> sentence('{"title": "Conflict", "status": 409, "detail": "It exists."}'), sentence("No.\\nNever.")
    ('It exists.', 'No. Never.')
    >>> sentence("<html>no</html>")
    ''
    """
    if text.lstrip().startswith("<"):
        return ""
    return " ".join(lines(_detail(text)))


def _detail(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(document, dict):
        return text
    stated = (document.get(key) for key in ("detail", "title"))
    return next((each for each in stated if isinstance(each, str) and each.strip()), "")


def advice(status: int, ecosystem: str) -> str:
    """What to do about an answer to an upload; "" for what only the server's own words tell."""
    if 300 <= status < 400:
        return _REDIRECTED
    return {
        401: "Give --user and --password-file.",
        404: f"Is --to the base URL of a {ecosystem} repository?",
        405: "Is --to a hosted repository, or a group with publish_to?",
    }.get(status, "")

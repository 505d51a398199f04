"""Logging of one process: its set-up, and one line for each request.

Everything goes to standard error, as text or as one JSON object a line. What clients send is escaped, so that no
path, user name or field can forge a line or drive a terminal.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from mxart.settings import ServerSettings

_NAME = "mxart.access"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One request that has been answered, or whose client left before."""

    peer: str
    principal: str  # "" for an anonymous client
    method: str
    target: str  # as sent
    status: int  # 499: the client left before any answer
    sent: int  # bytes, head and framing included
    seconds: float
    cache_status: str  # "" when no cache was asked


def configure(settings: ServerSettings) -> None:
    """True after: this process logs to standard error as ``settings`` say, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.log_format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[settings.log_level])
    # a client that leaves in the middle or fails its TLS handshake is no event for whoever runs the server
    logging.getLogger("tornado").setLevel(logging.WARNING if root.level == logging.DEBUG else logging.ERROR)
    lines = _json_line if settings.log_format == "json" else _text_line
    _requests.line = lines if settings.access_log else None


@dataclass(slots=True)
class _Requests:
    """How this process logs requests: without `logging`, which would cost a fifth of what a small answer does."""

    line: Callable[[Access, float], str] | None = None


_requests = _Requests()


def enabled() -> bool:
    """Whether a line would be written at all."""
    return _requests.line is not None


def write(access: Access) -> None:
    """Log one request, if requests are to be logged. A log that cannot be written to is no reason to fail."""
    if _requests.line is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(_requests.line(access, time.time()) + "\n")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = escape(record.getMessage())
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{_instant(record.created)} {record.levelname.lower()} {record.name} {text}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _instant(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def escape(text: str) -> str:
    r"""``text`` on one line, with everything that is not printable written as an escape.

    >>> escape("a\nb\x1b[0m")
    'a\\nb\\x1b[0m'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def _instant(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _text_line(access: Access, now: float) -> str:
    """``2025-01-31T12:00:00.123Z info mxart.access 127.0.0.1 - GET /go/x 200 1234 0.8ms "mxart; hit"``"""
    cache = f' "{access.cache_status}"' if access.cache_status else ""
    return escape(
        f"{_instant(now)} info {_NAME} {access.peer or '-'} {access.principal or '-'} {access.method} {access.target} "
        f"{access.status} {access.sent} {access.seconds * 1000:.1f}ms{cache}"
    )


def _json_line(access: Access, now: float) -> str:
    return json.dumps({"time": _instant(now), "level": "info", "logger": _NAME, **_facts(access)})


def _facts(access: Access) -> dict[str, str | int | float]:
    return {
        "peer": access.peer,
        "principal": access.principal,
        "method": access.method,
        "target": access.target,
        "status": access.status,
        "sent": access.sent,
        "ms": round(access.seconds * 1000, 1),
        "cache_status": access.cache_status,
    }

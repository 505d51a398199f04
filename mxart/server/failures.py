"""The one table from error to status (RFC 9110 §15), and the plain envelope for whoever has no other."""

from __future__ import annotations

import math

from mxart import errors
from mxart.errors import MxartError
from mxart.model import Bytes, Response

_STATUS: dict[type[Exception], int] = {
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unsupported: 405,
    errors.Unavailable: 503,
    errors.BadUpstream: 502,
    errors.Corrupt: 500,
    errors.StoreFull: 507,
    MxartError: 500,
}


def status_of(error: MxartError) -> int:
    """The status of the nearest ancestor in the table: a format's own errors count as what they derive from."""
    for ancestor in type(error).__mro__:
        if ancestor in _STATUS:
            return _STATUS[ancestor]
    return 500


def headers_of(error: MxartError) -> dict[str, str]:
    """The fields that the status asks for: when to come back, how to log in, which methods there are."""
    match error:
        case errors.Unavailable() | errors.BadUpstream():
            return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        case errors.Unauthenticated():
            return {"WWW-Authenticate": _challenge(error)}
        case errors.Unsupported():
            return {"Allow": ", ".join(error.allowed)}
    return {}


def _challenge(error: errors.Unauthenticated) -> str:
    """What was wrong with a token is said where the client is asked for another (RFC 6750 §3)."""
    if error.reason and error.challenge.startswith("Bearer "):
        return f'{error.challenge},error="{error.reason}"'
    return error.challenge


def plain(error: MxartError) -> Response:
    """The error as one line of text."""
    return Response(status_of(error), Bytes(data=f"{error.message}\n".encode()), headers_of(error))


def head_too_large(limit: int) -> Response:
    """Refusal of a request of which not even the head could be read (RFC 6585 §5)."""
    text = f"The head of the request is larger than {limit} bytes (max_header_size).\n"
    return Response(431, Bytes(data=text.encode()))


def internal(incident: str) -> Response:
    """A failure that nobody foresaw: the client gets the id under which the log tells more, and nothing else."""
    text = f"The server failed to answer; its log has the details under incident {incident}.\n"
    return Response(500, Bytes(data=text.encode()))

from __future__ import annotations

import pytest

from mxart import errors
from mxart.errors import MxartError
from mxart.model import Bytes
from mxart.server.failures import headers_of, internal, plain, status_of


class ModuleGone(errors.Gone):
    """A format's own error."""


ROWS = [
    (errors.NotFound("x"), 404, {}),
    (errors.Gone("x"), 410, {}),
    (ModuleGone("x"), 410, {}),
    (errors.Invalid("x"), 400, {}),
    (errors.Unauthenticated("x"), 401, {"WWW-Authenticate": 'Basic realm="mxart", charset="UTF-8"'}),
    (errors.Unauthenticated("x", 'Bearer realm="r"'), 401, {"WWW-Authenticate": 'Bearer realm="r"'}),
    (
        errors.Unauthenticated("x", 'Bearer realm="r"', "insufficient_scope"),
        401,
        {"WWW-Authenticate": 'Bearer realm="r",error="insufficient_scope"'},
    ),
    # of a token, Basic's challenge has nothing to say
    (
        errors.Unauthenticated("x", reason="invalid_token"),
        401,
        {"WWW-Authenticate": 'Basic realm="mxart", charset="UTF-8"'},
    ),
    (errors.Denied("x"), 403, {}),
    (errors.Conflict("x"), 409, {}),
    (errors.TooLarge("x", 1), 413, {}),
    (errors.Unsupported("x", ("GET", "HEAD", "PUT")), 405, {"Allow": "GET, HEAD, PUT"}),
    (errors.Unavailable("x", 1.2), 503, {"Retry-After": "2"}),
    (errors.Unavailable("x", 0), 503, {"Retry-After": "1"}),
    (errors.BadUpstream("x", 403), 502, {"Retry-After": "5"}),
    (errors.Corrupt("x"), 500, {}),
    (errors.StoreFull("x"), 507, {}),
    (MxartError("x"), 500, {}),
]


@pytest.mark.parametrize(("error", "status", "headers"), ROWS)
def test_errors(error: MxartError, status: int, headers: dict[str, str]) -> None:
    assert status_of(error) == status
    assert headers_of(error) == headers
    response = plain(error)
    assert (response.status, response.headers) == (status, headers)
    assert response.content == Bytes(data=b"x\n")


def test_every_error_has_its_row() -> None:
    named = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, MxartError)}
    assert named <= {type(error) for error, _, _ in ROWS}


def test_an_incident_tells_its_id() -> None:
    response = internal("abc")
    assert response.status == 500
    assert isinstance(response.content, Bytes)
    assert b"abc" in response.content.data

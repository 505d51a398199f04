from __future__ import annotations

import json

import pytest

from mxart import errors
from mxart.api import wire
from mxart.errors import MxartError
from mxart.model import Bytes, Response


class Unheard(errors.Conflict):
    """An error that a format made up."""


CODES: list[tuple[MxartError, str]] = [
    (errors.NotFound("x"), "not_found"),
    (errors.Gone("x"), "gone"),
    (errors.TooLarge("x", 1), "too_large"),
    (errors.BadUpstream("x"), "bad_upstream"),
    (errors.Unauthenticated("x"), "unauthenticated"),
    (Unheard("x"), "conflict"),
    (MxartError("x"), "mxart_error"),
]


def body(response: Response) -> object:
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "application/json"
    return json.loads(response.content.data)


@pytest.mark.parametrize(("error", "code"), CODES, ids=[row[1] for row in CODES])
def test_failure(error: MxartError, code: str) -> None:
    response = wire.failure(error, 418)
    assert response.status == 418
    assert body(response) == {"error": {"code": code, "message": "x"}}


def test_answer_keeps_every_character_and_is_kept_by_no_cache() -> None:
    document = {"é\n": ["<script>", "\x00", 1.5, True, None]}
    response = wire.answer(document)
    assert (response.status, response.headers) == (200, {"Cache-Control": "no-store"})
    assert body(response) == document


def test_what_json_cannot_say_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        wire.answer({"age": float("nan")})

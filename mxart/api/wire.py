"""JSON answers, and the one envelope of every error: ``{"error": {"code": "not_found", "message": "…"}}``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from mxart import errors
from mxart.errors import MxartError
from mxart.model import Bytes, Response

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def answer(document: Json, status: int = 200) -> Response:
    """``document`` as JSON (RFC 8259), which no cache keeps: it is true of this moment and of who asked."""
    data = json.dumps(document, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    return Response(status, Bytes(data=data, media_type="application/json"), {"Cache-Control": "no-store"})


def failure(error: MxartError, status: int) -> Response:
    """The error in the envelope."""
    return answer({"error": {"code": code_of(error), "message": error.message}}, status)


def code_of(error: MxartError) -> str:
    """The name of the nearest ancestor that `mxart.errors` knows, in lower case with underscores.

    >>> code_of(errors.BadUpstream("no"))
    'bad_upstream'
    """
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return _WORD_START.sub("_", known.__name__).lower()

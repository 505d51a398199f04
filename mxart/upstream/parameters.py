"""The grammar that header fields with parameters share (RFC 9110 §5.6.2, §5.6.4): patterns, to be put into others.

None of them goes back over what it has matched, so that a hostile field costs no more than its length.
"""

from __future__ import annotations

import re

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
QUOTED = r'"(?:[^"\\]|\\.)*+"'
SPACE = r"[ \t]*+"

_COMMAS = re.compile(r"[ \t,]*+")
_PAIR = re.compile(r"\\(.)")


def unquoted(text: str) -> str:
    r"""What a token or a quoted string says.

    >>> unquoted("next"), unquoted('"a, \\"b\\""')
    ('next', 'a, "b"')
    """
    return _PAIR.sub(r"\1", text[1:-1]) if text.startswith('"') else text


def beyond_commas(text: str, position: int) -> int:
    """Where the next element of a list begins: commas and spaces are passed over, and empty elements with them (RFC
    9110 §5.6.1.2)."""
    match = _COMMAS.match(text, position)
    return match.end() if match else position

"""The order of Maven versions: which is newer, and which are snapshots. Pure.

It does not know which strings may be versions (``names.py``): every string has its place.

Specifications: the POM reference, "Version Order Specification"; where it is silent or differs, the behaviour of the
class ``ComparableVersion`` of maven-artifact 4. That of Maven 3 has other answers for some rare forms, such as
"1.0.Final-redhat-1", "1-a-1", "1-rc.1" and "1-1" next to "1.0-1".

The relation is not transitive: "31.1-rc1" < "31.1" < "31.1.jre-SNAPSHOT" < "31.1-rc1". What a sort makes of such
versions depends on where it began; so `ordered` begins with the order of their texts.

>>> ordered(["1.10", "1.9", "1.10-rc1", "1.10-SNAPSHOT", "1.10-sp1", "1.10-1"])
['1.9', '1.10-rc1', '1.10-SNAPSHOT', '1.10', '1.10-sp1', '1.10-1']
>>> compare("1.0.0", "1-ga"), compare("1-a1", "1.ALPHA-1"), compare("1-cr2", "1.0rc2")
(0, 0, 0)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_RELEASE = 5  # the rank of no qualifier at all
_OTHER = 7  # the rank of the words that are not in this table
_RANKS = {
    "alpha": 0,
    "beta": 1,
    "milestone": 2,
    "rc": 3,
    "cr": 3,
    "snapshot": 4,
    "": _RELEASE,
    "final": _RELEASE,
    "ga": _RELEASE,
    "release": _RELEASE,
    "sp": 6,
}
_ABBREVIATIONS = {"a": "alpha", "b": "beta", "m": "milestone"}  # only in front of a number

# Maven splits at ASCII digits. It lets any decimal digit of the Basic Multilingual Plane follow a word's dash, though.
_DIGIT = r"(?![\U00010000-\U0010ffff])\d"
_LETTERS = r"[^0-9.-]+"
_TOKEN = re.compile(
    rf"(?:(?P<number>[0-9]+)|(?P<word>{_LETTERS}(?:-(?=(?![0-9]){_DIGIT}){_LETTERS})*)(?P<count>-?[0-9]+)?)?"
    r"(?P<separator>[.-]?)"
)
_NUMBERED_WORD = re.compile(rf"(?P<word>(?:(?!{_DIGIT}).)*)(?P<count>(?:{_DIGIT})+)", re.DOTALL)


class _Number(NamedTuple):
    """A count of any length: ``value`` is its ASCII digits without leading zeros, "" for zero.

    Maven keeps it in one of three sizes, by the digits that are written, and compares sizes first.
    """

    size: int
    length: int
    value: str


_NO_NUMBER = _Number(-1, 0, "")


class _Item(NamedTuple):
    """One part of a version; those of two versions sort like these tuples. A number is more than a list than a word."""

    kind: int
    rank: int = 0
    word: bytes = b""  # UTF-16, the order that Java compares text in
    number: _Number = _NO_NUMBER

    def is_plain_word(self) -> bool:
        return self.kind == _WORD and self.number == _NO_NUMBER

    def is_zero(self) -> bool:
        return self.kind == _NUMBER and not self.number.value

    def against_nothing(self) -> int:
        """<0, 0 or >0: how it compares with the end of the other version."""
        if self.kind == _WORD:
            return self.rank - _RELEASE
        return int(self.kind == _NUMBER and not self.is_zero())


_WORD, _SUBLIST, _NUMBER = range(3)
_OPEN = _Item(_SUBLIST)  # the rest of the version is one list deeper


@dataclass(frozen=True, slots=True)
class _Order:
    """Sorts as `compare` says, then by text, so that versions which are equal have one order, too."""

    items: Sequence[_Item]
    text: str

    def __lt__(self, other: _Order) -> bool:
        order = _compare(self.items, other.items)
        return order < 0 or (order == 0 and self.text < other.text)


def compare(a: str, b: str) -> int:
    """<0 when ``a`` is older than ``b``, 0 when Maven takes them for the same, >0 when it is newer."""
    return _compare(_parse(a), _parse(b))


def key(version: str) -> _Order:
    """A sort key: oldest first, and by text where `compare` is 0."""
    return _Order(_parse(version), version)


def ordered(versions: Iterable[str]) -> list[str]:
    """The versions, each once, oldest first; it depends on which they are, not on their sequence."""
    return sorted(sorted(set(versions)), key=key)


# --- parts of a version ----------------------------------------------------------------------------------------


def _compare(left: Sequence[_Item], right: Sequence[_Item]) -> int:
    for mine, other in zip(left, right, strict=False):
        if mine != other:
            return -1 if mine < other else 1
    return _against_nothing(left[len(right) :]) - _against_nothing(right[len(left) :])


def _against_nothing(items: Iterable[_Item]) -> int:
    return next(filter(None, (item.against_nothing() for item in items)), 0)


def _parse(version: str) -> tuple[_Item, ...]:
    """The parts of a version in their normal form.

    Maven nests lists, and each list is the last part of the one around it. So they are written flat here: what stands
    behind an `_OPEN` is inside.

    "1.0-rc1-x" --> 1 0 OPEN rc1 OPEN x --> 1 OPEN rc1 OPEN x
    """
    items: list[_Item] = []
    lowered = version.lower()
    for token in _TOKEN.finditer(lowered):
        ends = token.end() == len(lowered)
        if token["word"] and (token["count"] or (ends and not token["separator"])) and items and items[-1] != _OPEN:
            items.append(_OPEN)
        if token[0]:
            items.append(_item(token))
        if token["separator"] == "-" or (not token["separator"] and not ends):
            items.append(_OPEN)
    return _without_nulls(items)


def _item(token: re.Match[str]) -> _Item:
    number, word, count = token["number"], token["word"], token["count"]
    if not word:
        return _Item(_NUMBER, number=_number(number or "0"))
    if count or "-" in word:
        numbered = _NUMBERED_WORD.fullmatch((word + (count or "")).replace("-", ""))
        if numbered:
            word = numbered["word"]
            return _word(_ABBREVIATIONS.get(word, word), _number(numbered["count"]))
    # Digits of two scripts with letters between them, where Maven itself fails.
    return _word(word + (count or ""), _NO_NUMBER)


def _word(word: str, number: _Number) -> _Item:
    rank = _RANKS.get(word, _OTHER)
    return _Item(_WORD, rank, word.encode("utf-16-be", "surrogatepass") if rank == _OTHER else b"", number)


def _number(digits: str) -> _Number:
    digits = digits.lstrip("0") or digits
    value = "".join(str(unicodedata.decimal(digit)) for digit in digits).lstrip("0")
    return _Number((len(digits) > 9) + (len(digits) > 18), len(value), value)


def _without_nulls(items: list[_Item]) -> tuple[_Item, ...]:
    """The items without the zeros and the empty list that mean nothing: at the end, and in front of words."""
    kept: list[_Item] = []  # last item first
    for item in reversed(items):
        if not kept:
            dropped = item == _OPEN or item.is_zero()
        else:
            opens_with_word = kept[-1] == _OPEN and kept[-2].kind == _WORD
            dropped = item.is_zero() and (kept[-1].is_plain_word() or opens_with_word)
        if not dropped:
            kept.append(item)
    return tuple(reversed(kept))

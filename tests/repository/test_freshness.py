"""DESIGN §4's rules as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mxart.contract import Policy
from mxart.model import Entry
from mxart.repository.freshness import Lifetimes, Verdict, judge
from tests.store.builders import entry_of

NOW = 1000.0
LIFETIMES = Lifetimes(ttl=300.0, negative_ttl=60.0)
IMMUTABLE = Policy(immutable=True, media_type="", max_size=1)
MUTABLE = Policy(immutable=False, media_type="", max_size=1)
BRIEF, LONG, NEVER = (replace(MUTABLE, ttl=ttl) for ttl in (10.0, 1e6, 0.0))


def held(age: float) -> Entry:
    return entry_of("a", b"a", checked=NOW - age)


def absent(age: float) -> Entry:
    return entry_of("a", None, checked=NOW - age)


@pytest.mark.parametrize(
    ("entry", "policy", "verdict"),
    [
        (None, IMMUTABLE, Verdict.MISSING),
        (None, MUTABLE, Verdict.MISSING),
        (held(0), IMMUTABLE, Verdict.FRESH),
        (held(1e9), IMMUTABLE, Verdict.FRESH),
        (held(-1e9), IMMUTABLE, Verdict.FRESH),
        (held(0), MUTABLE, Verdict.FRESH),
        (held(299.9), MUTABLE, Verdict.FRESH),
        (held(300), MUTABLE, Verdict.STALE),
        (held(-0.1), MUTABLE, Verdict.STALE),  # the clock was set back
        (held(9.9), BRIEF, Verdict.FRESH),
        (held(10), BRIEF, Verdict.STALE),
        (held(300), LONG, Verdict.FRESH),
        (held(1e6), LONG, Verdict.STALE),
        (held(0), NEVER, Verdict.STALE),
        (held(1e9), replace(IMMUTABLE, ttl=10.0), Verdict.FRESH),
        (absent(59.9), BRIEF, Verdict.ABSENT),  # of absences it says nothing
        (absent(60), LONG, Verdict.MISSING),
        (absent(0), IMMUTABLE, Verdict.ABSENT),
        (absent(59.9), MUTABLE, Verdict.ABSENT),
        (absent(60), MUTABLE, Verdict.MISSING),
        (absent(60), IMMUTABLE, Verdict.MISSING),
        (absent(-0.1), MUTABLE, Verdict.MISSING),
    ],
)
def test_verdict(entry: Entry | None, policy: Policy, verdict: Verdict) -> None:
    assert judge(entry, policy, LIFETIMES, NOW) is verdict


def test_nothing_is_believed_for_no_time() -> None:
    none = Lifetimes(ttl=0.0, negative_ttl=0.0)
    assert judge(held(0), MUTABLE, none, NOW) is Verdict.STALE
    assert judge(absent(0), MUTABLE, none, NOW) is Verdict.MISSING

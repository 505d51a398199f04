from __future__ import annotations

import pytest

from mxart.config import starters
from mxart.registration import Proposal
from tests.support.formats import CinderFactory

PROPOSALS = [
    Proposal(name="c", format="cinder", upstream="https://c.example.org", origin="cinder env", options={"depth": 2}),
    Proposal(name="a", format="ash", upstream="https://a.example.org", origin="ash env"),
]
CINDER_INTERNAL = {"name": "cinder-internal", "format": "cinder", "kind": "hosted"}
C = {"name": "c", "format": "cinder", "kind": "proxy", "upstream": "https://c.example.org", "depth": 2}


def cinder(*kinds: str) -> CinderFactory:
    factory = CinderFactory()
    factory.kinds = kinds
    return factory


@pytest.mark.parametrize(
    ("kinds", "proposals", "tables"),
    [
        (
            ("proxy", "hosted", "group"),
            PROPOSALS,
            [
                {
                    "name": "cinder",
                    "format": "cinder",
                    "kind": "group",
                    "members": ["cinder-internal", "c"],
                    "publish_to": "cinder-internal",
                },
                CINDER_INTERNAL,
                C,
            ],
        ),
        (("proxy",), PROPOSALS, [C]),
        (("proxy", "hosted"), PROPOSALS, [C]),  # without a group there is no one URL to give to clients
        (("proxy",), [], []),
    ],
)
def test_what_an_ecosystem_starts_with(
    kinds: tuple[str, ...], proposals: list[Proposal], tables: list[dict[str, object]]
) -> None:
    assert [starter.table for starter in starters(proposals, {"cinder": cinder(*kinds)})] == tables


def test_a_proxy_says_where_it_was_found() -> None:
    found = starters(PROPOSALS, {"cinder": CinderFactory(), "ash": CinderFactory("ash")})
    assert {str(starter.table["name"]): starter.origin for starter in found if starter.origin} == {
        "c": "cinder env",
        "a": "ash env",
    }

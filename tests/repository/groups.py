"""Groups of repositories over one store, with rules around their members, and what members may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mxart.contract import Repository
from mxart.errors import (
    BadUpstream,
    Denied,
    Gone,
    NotFound,
    StoreFull,
    Unavailable,
)
from mxart.repository.group import Group, GroupParts
from mxart.repository.rules import Reserved, Yielding
from mxart.store import Store
from tests.repository.parts import Clock, PlainFormat

Exclusive = Mapping[str, Sequence[str]]

HERE, GONE, NO = b"data", Gone("deleted on a Monday"), NotFound("no such version:\n\nask for another")
DENIED = Denied("blocked in b by a rule")
LATER = Unavailable("the upstream of b does not answer", 7.0)
BAD = BadUpstream("the upstream of b sent rubbish", 500, 9.0)
FULL = StoreFull("no room")

INFO, ZIP = "m/v1.info", "m/v1.zip"
UNIT_OF_A = {INFO: b"info of a", ZIP: b"zip of a"}
UNIT_OF_B = {INFO: b"info of b", ZIP: b"zip of b"}
LIST = "m/all.list"
A, B = b"v1.zip\nv2.zip\n", b"v3.zip\nv1.zip\n"


def group(
    store: Store,
    *members: Repository,
    publish_to: Repository | None = None,
    name: str = "all",
    format_: PlainFormat | None = None,
) -> Group:
    return Group(
        GroupParts(
            name=name,
            format=format_ or PlainFormat(),
            members=members,
            publish_to=publish_to,
            store=store,
            clock=Clock(),
        )
    )


def with_rules(
    store: Store, name: str, *members: Repository, shared: Sequence[str] = (), exclusive: Exclusive | None = None
) -> Group:
    """A group whose members stand in the rules, as they are built to be served."""
    reserved = [Reserved(member, exclusive or {}) for member in members]
    yielding = [
        Yielding(each, [other for other in reserved if other is not each], shared, PlainFormat()) for each in reserved
    ]
    return group(store, *yielding, name=name)

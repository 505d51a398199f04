"""A rule of groups: what one member's ``allow`` leaves out is, beside members that take it, no reason to refuse.

``allow`` on a proxy that is used by itself, or is the only way out of a group, says what may be had at all: Denied. On
one of several it says which names are that one's business; were the others' plain "not there" to become a refusal,
clients that try names until one is there (the go command looks for the module of a package so) would stop at the first.
"""

from __future__ import annotations

from collections.abc import Callable

from mxart.contract import Context, Repository
from mxart.errors import Denied, NotFound
from mxart.model import Content, Resource
from mxart.repository.layer import Layer


class Selective(Layer):
    """A member of a group that answers NotFound where it denies a name that is left to another member."""

    def __init__(self, inner: Repository, left_to: Callable[[str], str | None]) -> None:
        """``left_to``: package name → the other member whose business it is; None when it is ours, or nobody's."""
        super().__init__(inner)
        self._left_to = left_to

    async def get(self, resource: Resource, context: Context) -> Content:
        try:
            return await self._inner.get(resource, context)
        except Denied as denied:
            other = self._left_to(resource.package)
            if other is None:
                raise
            context.trail.note("rule", left_to=other, package=resource.package, repository=self.name)
            raise NotFound(f"{resource.package} is not among the names that {self.name} allows") from denied

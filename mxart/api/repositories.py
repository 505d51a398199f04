"""``/-/api/v1/repositories``: what is served here, and what to write into a client's configuration to use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mxart.api import wire
from mxart.model import Request, Response


class Listed(Protocol):
    """A repository as whoever asks sees it."""

    @property
    def name(self) -> str: ...

    @property
    def format(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def url(self) -> str:
        """Where clients reach it; "" when it is not exposed."""
        ...

    @property
    def members(self) -> tuple[str, ...]:
        """Of a group: the names of its members, in the order in which they are asked."""
        ...

    @property
    def publish_to(self) -> str:
        """Of a group: the member that takes what is published to it; "" when none does."""
        ...

    @property
    def client_lines(self) -> tuple[str, ...]:
        """The lines of client configuration to copy."""
        ...

    @property
    def publish_lines(self) -> tuple[str, ...]:
        """The lines that publish something here; none where nothing can be published."""
        ...


@dataclass(frozen=True, slots=True)
class Repositories:
    """Answers with a list of those that ``visible`` gives for the request: the ones that its principal may read."""

    visible: Callable[[Request], Sequence[Listed]]

    async def __call__(self, request: Request) -> Response:
        """Raises what ``visible`` raises."""
        return wire.answer([_document(repository) for repository in self.visible(request)])


def _document(repository: Listed) -> wire.Json:
    return {
        "name": repository.name,
        "format": repository.format,
        "kind": repository.kind,
        "url": repository.url,
        "members": repository.members,
        "publish_to": repository.publish_to,
        "client_lines": repository.client_lines,
        "publish_lines": repository.publish_lines,
    }

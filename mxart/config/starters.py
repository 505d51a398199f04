"""The repositories to start with: for each ecosystem the group that clients use, and in it one for what is published
and one for each upstream that was found. The quick start serves them, ``mxart init`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mxart.registration import FormatFactory, Proposal


@dataclass(frozen=True, slots=True)
class Starter:
    """A ``[[repository]]`` table, its keys in the order in which they read well."""

    table: Mapping[str, object]
    origin: str = ""  # of a proxy: where its upstream was found
    examples: tuple[str, str] = ("", "")  # of a group: globs on names, of the house and shared


def starters(proposals: Sequence[Proposal], formats: Mapping[str, FormatFactory]) -> list[Starter]:
    """Those of all ecosystems, a group before its members: whoever reads on is to meet first what is to be used."""
    return [starter for factory in formats.values() for starter in _of_format(factory, proposals)]


def _of_format(factory: FormatFactory, proposals: Sequence[Proposal]) -> Iterator[Starter]:
    found = [proposal for proposal in proposals if proposal.format == factory.name]
    proxies = [_proxy(proposal) for proposal in found]
    if not {"hosted", "group"} <= set(factory.kinds):
        yield from proxies
        return
    hosted = f"{factory.name}-internal"
    members = {"members": [hosted, *(proposal.name for proposal in found)], "publish_to": hosted}
    group = {"name": factory.name, "format": factory.name, "kind": "group", **members}
    yield Starter(group, examples=factory.examples)
    yield Starter({"name": hosted, "format": factory.name, "kind": "hosted"})
    yield from proxies


def _proxy(proposal: Proposal) -> Starter:
    keys = {"name": proposal.name, "format": proposal.format, "kind": "proxy", "upstream": proposal.upstream}
    return Starter({**keys, **proposal.options}, proposal.origin)

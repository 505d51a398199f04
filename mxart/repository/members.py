"""Asking the members of a group: one, one after the other, all at once; and what is said when none of them has it.

A member that says that it has nothing, or that nobody may have it, is passed over. One that fails is not: whoever comes
after it must not stand in for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mxart.contract import Context, Repository
from mxart.errors import Denied, Gone, MxartError, NotFound
from mxart.httpfields import caching
from mxart.model import Content, Resource
from mxart.offload import undisturbed
from mxart.trail import Trail

_LINES = 8  # of a message, as many as the go command shows
_COLUMNS = 160


@dataclass(frozen=True, slots=True)
class Found:
    """A member has it. Whoever is given this closes the content."""

    member: Repository
    content: Content


@dataclass(frozen=True, slots=True)
class Refused:
    """A member has nothing there, or not for everyone."""

    member: Repository
    error: NotFound | Denied


async def ask(member: Repository, resource: Resource, context: Context) -> Found | Refused:
    """What the member says. Raises what is no refusal: it failed."""
    try:
        content = await member.get(resource, context)
    except MxartError as error:
        context.trail.note("member", repository=member.name, path=resource.path, answer=_word(error))
        if isinstance(error, (NotFound, Denied)):
            return Refused(member, error)
        raise
    context.trail.note("member", repository=member.name, path=resource.path, answer="found")
    return Found(member, content)


async def first(group: str, members: Sequence[Repository], resource: Resource, context: Context) -> Found:
    """The first member that has it. Raises what `refused` says when none has; at once, what one raises that fails.

    What was taken back by the house is not had from elsewhere: it might be something else under the same name.
    """
    refusals: list[Refused] = []
    for member in members:
        answer = await ask(member, resource, context)
        if isinstance(answer, Found):
            return answer
        refusals.append(answer)
        if isinstance(answer.error, Gone) and await member.owns(resource):
            break
    raise refused(group, resource, refusals)


class Failed(Exception):
    """One of several members gave no answer that could be used."""

    def __init__(self, member: Repository, error: MxartError) -> None:
        super().__init__(member.name, error)
        self.member = member
        self.error = error


async def every(members: Sequence[Repository], resource: Resource, context: Context) -> Sequence[Found | Refused]:
    """What all of them say, in their order; they are asked at the same time, and noted in their order, too.

    Raises Failed as soon as one fails. Then, and when the caller is cancelled, the others are stopped and what they
    opened is closed before this ends.
    """
    contexts = [replace(context, trail=Trail()) for _ in members]
    tasks = [
        asyncio.create_task(_named(member, resource, own), name=f"ask {member.name}")
        for member, own in zip(members, contexts, strict=True)
    ]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        _raise_first(tasks)
        return [task.result() for task in tasks]
    except BaseException:
        await undisturbed(_stopped(tasks))
        raise
    finally:
        for own in contexts:
            context.trail.steps += own.trail.steps
        context.trail.cache_status = _worst([own.trail.cache_status for own in contexts])


async def _named(member: Repository, resource: Resource, context: Context) -> Found | Refused:
    try:
        return await ask(member, resource, context)
    except MxartError as error:
        raise Failed(member, error) from error


def _raise_first(tasks: Sequence[asyncio.Task[Found | Refused]]) -> None:
    for task in tasks:
        if task.done() and (error := task.exception()) is not None:
            raise error


async def _stopped(tasks: Sequence[asyncio.Task[Found | Refused]]) -> None:
    for task in tasks:
        task.cancel()
    for said in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(said, Found):
            said.content.close()


def _worst(statuses: Sequence[str]) -> str:
    """What made the answer slow or old, when anything did: it is a hit only when all were."""
    said = [status for status in statuses if status]
    return next((status for status in said if not status.startswith(caching.hit())), said[0] if said else "")


def refused(group: str, resource: Resource, refusals: Sequence[Refused]) -> NotFound | Denied:
    """Why the group has nothing there, a line for each member: not for everyone when one says so, else gone when one
    says so, else not found."""
    errors = [refusal.error for refusal in refusals]
    denied = next((error for error in errors if isinstance(error, Denied)), None)
    if denied is not None:
        return Denied(denied.message)
    lines = [f"not found: {resource.title} is in no member of {group}"]
    for refusal in refusals:
        said = [line for line in refusal.error.message.splitlines() if line.strip()] or ["not found"]
        lines += [f"  {refusal.member.name}: {said[0]}", *(f"  {line}" for line in said[1:])]
    kind = Gone if any(isinstance(error, Gone) for error in errors) else NotFound
    return kind("\n".join(_cut(line) for line in lines[:_LINES]))


def _cut(line: str) -> str:
    return line if len(line) <= _COLUMNS else line[: _COLUMNS - 3] + "..."


def _word(error: MxartError) -> str:
    match error:
        case Gone():
            return "gone"
        case NotFound():
            return "absent"
        case Denied():
            return "denied"
    return f"failed: {type(error).__name__}"

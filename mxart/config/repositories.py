"""A ``[[repository]]`` table: the keys that all repositories share, those of its kind, and those of its own format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, cast, get_type_hints

from mxart.config import values
from mxart.config.tables import Table, did_you_mean
from mxart.config.upstreams import Surroundings, read_upstream
from mxart.errors import Invalid
from mxart.registration import FormatFactory
from mxart.settings import HostSettings, Kind, RepositorySettings, UpstreamSettings

_READERS: Mapping[object, Callable[[object], object]] = {
    str: values.text,
    int: values.whole(0, 1 << 62),
    bool: values.flag,
    tuple[str, ...]: values.several(values.text),
    Mapping[str, str]: values.text_map,
}
_KEYS: Mapping[Kind, tuple[str, ...]] = {  # that no other kind has
    "proxy": (
        *("upstream", "ttl", "negative_ttl"),
        *(field.name for field in fields(UpstreamSettings) if field.name not in ("url", "tool")),
    ),
    "group": ("members", "publish_to", "exclusive", "shared_names"),
}


def read_repository(
    table: Table, around: Surroundings, formats: Mapping[str, FormatFactory]
) -> RepositorySettings | None:
    """The repository; None when so much is wrong that it has no name, format or kind. All has been noted."""
    name = table.take("name", values.name, "")
    if "name" not in table:
        table.missing("name", 'a repository needs a name: name = "go"')
    factory = _read_format(table, formats)
    kind = _read_kind(table, factory)
    default = RepositorySettings(name=name, format="", kind="hosted")
    settings = RepositorySettings(
        name=name,
        format=factory.name if factory else "",
        kind=kind or default.kind,
        store=table.take("store", values.text, default.store),
        block=table.take("block", values.several(values.pattern), default.block),
        allow=table.take("allow", values.several(values.pattern), default.allow),
        base_url=table.take("base_url", values.base_path, f"/{name}"),
        hosts=_read_hosts(table),
        max_body_size=table.take("max_body_size", values.size(0), default.max_body_size),
        options=_read_options(table, factory, kind) if factory else None,
    )
    if factory and settings.base_url and "name" in table:
        _check_base(table, factory, settings.base_url)
    if kind == "proxy":
        settings = _read_proxy(settings, table, around, factory.tools if factory else ())
    elif kind == "group":
        settings = _read_group(settings, table)
    _refuse_keys_of_other_kinds(table, kind)
    if factory:  # without a format nobody can tell which of the keys are its own
        table.finish()
    return settings if name and factory and kind else None


def _check_base(table: Table, factory: FormatFactory, base_url: str) -> None:
    try:
        factory.check_base(base_url)
    except Invalid as error:
        table.missing("base_url", f"{error.message}; want another base_url, or another name")


def _read_proxy(
    common: RepositorySettings, table: Table, around: Surroundings, tools: Collection[str]
) -> RepositorySettings:
    if "upstream" not in table:
        table.missing("upstream", 'a proxy needs the URL that it caches: upstream = "https://go.example.org"')
    return replace(
        common,
        upstream=read_upstream(table, around, tools),
        ttl=table.take("ttl", values.duration, common.ttl),
        negative_ttl=table.take("negative_ttl", values.duration, common.negative_ttl),
    )


def _read_group(common: RepositorySettings, table: Table) -> RepositorySettings:
    """Whether the members are there is for `config.members` to say."""
    members = table.take("members", values.several(values.name), common.members)
    if not table.take_raw("members"):
        table.wrong("members", 'a group needs members: members = ["go-internal", "go-public"]')
    return replace(
        common,
        members=members,
        publish_to=table.take("publish_to", values.text, common.publish_to),
        exclusive=table.take("exclusive", values.pattern_map, common.exclusive),
        shared_names=table.take("shared_names", values.several(values.pattern), common.shared_names),
    )


def _refuse_keys_of_other_kinds(table: Table, kind: Kind | None) -> None:
    """What they say would count for nothing. Without a kind nobody can tell which they are."""
    for other, keys in _KEYS.items():
        for key in keys:
            if key in table and kind not in (None, other):
                _refuse(table, key, other, kind)
            if kind != other:
                table.take_raw(key)


def _refuse(table: Table, key: str, other: str, kind: Kind | None) -> None:
    table.missing(key, f"only a {other} has this key, and this is a {kind} repository; leave it out")


def _read_format(table: Table, formats: Mapping[str, FormatFactory]) -> FormatFactory | None:
    known = ", ".join(f'"{name}"' for name in formats) or "none"
    if "format" not in table:
        table.missing("format", f"a repository needs a format; known are {known}")
    word = table.take("format", values.text, "")
    if word and word not in formats:
        table.wrong("format", f"no such format{did_you_mean(word, formats)}")
    return formats.get(word)


def _read_kind(table: Table, factory: FormatFactory | None) -> Kind | None:
    kinds = factory.kinds if factory else ("proxy", "hosted", "group")
    supported = " or ".join(f'"{kind}"' for kind in kinds)
    if "kind" not in table:
        table.missing("kind", f"a repository needs a kind; want {supported}")
    word = table.take("kind", values.text, "")
    if word and word not in kinds:
        table.wrong("kind", f"want {supported}" + (f', which the format "{factory.name}" supports' if factory else ""))
    return cast(Kind, word) if word in kinds else None


def _read_hosts(table: Table) -> tuple[HostSettings, ...]:
    given = table.take_raw("hosts")
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(item, Mapping) for item in given):
        table.wrong("hosts", 'want a list of tables: [ { listener = "main", host = "go.example.org" } ]')
        return ()
    return tuple(_read_host(Table(f"{table.name} hosts", item, table.problems)) for item in given)


def _read_host(table: Table) -> HostSettings:
    for key in ("listener", "host"):
        if key not in table:
            table.missing(key, 'want both: { listener = "main", host = "go.example.org" }')
    settings = HostSettings(
        listener=table.take("listener", values.text, ""),
        host=table.take("host", values.host_name, ""),
    )
    table.finish()
    return settings


def _read_options(table: Table, factory: FormatFactory, kind: Kind | None) -> Any:
    """An instance of the format's own settings; None when something is wrong with them, which has been noted."""
    hints = get_type_hints(factory.settings)
    given: dict[str, object] = {}
    complete = True
    for field in fields(factory.settings):
        kinds = field.metadata.get("kinds", factory.kinds)
        if field.name in table and kind is not None and kind not in kinds:
            table.take_raw(field.name)
            _refuse(table, field.name, " or a ".join(kinds), kind)
        elif field.name in table:
            value = table.take(field.name, _READERS[hints[field.name]], None)
            given[field.name] = value
            complete = complete and value is not None
        elif field.default is MISSING and field.default_factory is MISSING:
            table.missing(field.name, f'the format "{factory.name}" needs this key')
            complete = False
        else:
            table.take_raw(field.name)
    if not complete:
        return None
    try:
        return factory.settings(**given)
    except Invalid as error:
        table.missing(", ".join(given), error.message)
        return None

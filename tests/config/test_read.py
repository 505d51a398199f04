from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mxart.config import BUILT_IN, ConfigurationError, Overrides, Problem, load, quick_start
from mxart.registration import Proposal
from mxart.settings import (
    AccessSettings,
    CredentialSettings,
    HostSettings,
    ListenerSettings,
    RepositorySettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TlsSettings,
    UpstreamSettings,
)
from tests.support.certs import Authority, Certificate
from tests.support.formats import CinderFactory, CinderSettings, DemandingSettings

FORMATS = {"cinder": CinderFactory(), "demanding": CinderFactory("demanding", DemandingSettings)}
PROXY = '[[repository]]\nname = "c"\nformat = "cinder"\nkind = "proxy"\nupstream = "https://c.example.org"\n'


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file = folder / "mxart.toml"
    file.write_text(text)
    return load(file, FORMATS, environ or {})


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text, environ)
    return caught.value.problems


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert settings == Settings(
        source=str(tmp_path / "mxart.toml"),
        listeners=(ListenerSettings(name="main", listen=("127.0.0.1:8080",)),),
        stores={"default": StoreSettings(path=tmp_path / "data")},
    )


def test_every_key_arrives_where_it_belongs(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "conf")
    certificate, other = authority.issue(), authority.issue("other.example.org")
    (tmp_path / "secret").write_text("from a file\n")
    text = f"""
        [server]
        listen = ["127.0.0.1:0", "[::1]:0", "unix:mxart.sock"]
        workers = 3
        public_url = "https://artifacts.example.org/"
        trusted_proxies = ["10.0.0.0/8", "127.0.0.1"]
        max_header_size = "32 KiB"
        max_body_size = "1 GiB"
        shutdown_grace = 5
        log_level = "debug"
        log_format = "json"
        access_log = false

        [[listener]]
        name = "tls"
        listen = ["0.0.0.0:8443"]
        tls = {{ certificate = "conf/{certificate.certificate.name}", key = "conf/{certificate.key.name}" }}

        [[listener]]
        name = "names"
        listen = ["0.0.0.0:9443"]
        tls = [
            {{ certificate = "conf/{other.certificate.name}", key = "conf/{other.key.name}" }},
            {{ certificate = "conf/{certificate.certificate.name}", key = "conf/{certificate.key.name}" }},
        ]

        [store.default]
        path = "/srv/mxart"
        [store.big]
        path = "big"
        index_size = "1 TiB"
        trash_age = "1 d"

        [access]
        anonymous = "none"

        [[repository]]
        name = "one"
        format = "cinder"
        kind = "proxy"
        store = "big"
        upstream = "https://c.example.org/base/"
        http_proxy = "socks5h://127.0.0.1:1080"
        auth = {{ username = "ci", password_file = "secret" }}
        ca_file = "conf/ca.pem"
        ttl = "1 h 30 min"
        negative_ttl = "10 s"
        connect_timeout = "1 s"
        idle_timeout = "2 s"
        retries = 0
        max_connections = 7
        queue_timeout = "3 s"
        block = ["corp.example.com/*"]
        allow = ["*"]
        base_url = "/deep/one/"
        max_body_size = 17
        hosts = [ {{ listener = "tls", host = "One.example.org" }}, {{ listener = "main", host = "*" }} ]
        flame = "green"
        depth = 4
        strict = true
        kinds_of_ash = ["fly", "bottom"]
        sumdb = {{ "sum.example.org" = "https://sum.example.org" }}
    """
    settings = read(tmp_path, text)
    assert settings.server == ServerSettings(
        listen=("127.0.0.1:0", "[::1]:0", f"unix:{tmp_path}/mxart.sock"),
        workers=3,
        public_url="https://artifacts.example.org",
        trusted_proxies=("10.0.0.0/8", "127.0.0.1"),
        max_header_size=32768,
        max_body_size=1024**3,
        shutdown_grace=5.0,
        log_level="debug",
        log_format="json",
        access_log=False,
    )
    tls, other_tls = (TlsSettings(certificate=each.certificate, key=each.key) for each in (certificate, other))
    assert settings.listeners == (
        ListenerSettings(name="main", listen=settings.server.listen),
        ListenerSettings(name="tls", listen=("0.0.0.0:8443",), tls=(tls,)),
        ListenerSettings(name="names", listen=("0.0.0.0:9443",), tls=(other_tls, tls)),
    )
    assert settings.stores == {
        "default": StoreSettings(path=Path("/srv/mxart")),
        "big": StoreSettings(name="big", path=tmp_path / "big", index_size=1024**4, trash_age=86400.0),
    }
    assert settings.access == AccessSettings(anonymous="none")
    (repository,) = settings.repositories
    assert repository == RepositorySettings(
        name="one",
        format="cinder",
        kind="proxy",
        store="big",
        upstream=UpstreamSettings(
            url="https://c.example.org/base",
            http_proxy="socks5h://127.0.0.1:1080",
            auth=CredentialSettings(username="ci", password="from a file"),
            ca_file=authority.ca_file,
            connect_timeout=1.0,
            idle_timeout=2.0,
            retries=0,
            max_connections=7,
            queue_timeout=3.0,
        ),
        ttl=5400.0,
        negative_ttl=10.0,
        block=("corp.example.com/*",),
        allow=("*",),
        base_url="/deep/one",
        max_body_size=17,
        hosts=(HostSettings(listener="tls", host="one.example.org"), HostSettings(listener="main", host="*")),
        options=CinderSettings(
            flame="green",
            depth=4,
            strict=True,
            kinds_of_ash=("fly", "bottom"),
            sumdb={"sum.example.org": "https://sum.example.org"},
        ),
    )


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (repository,) = read(tmp_path, PROXY).repositories
    assert repository == RepositorySettings(
        name="c",
        format="cinder",
        kind="proxy",
        upstream=UpstreamSettings(url="https://c.example.org"),
        base_url="/c",
        options=CinderSettings(),
    )


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Authority(tmp_path_factory.mktemp("authority")).issue()


def hosted(name: str) -> str:
    return f'[[repository]]\nname = "{name}"\nformat = "cinder"\nkind = "hosted"\n'


def group(name: str, members: object = ("h",)) -> str:
    return hosted(name).replace('"hosted"', '"group"') + f"members = {json.dumps(members)}\n"


HOSTED, GROUP_G = hosted("h"), '[[repository]] "g"'
LISTENER = '[[listener]]\nname = "{}"\nlisten = ["{}"]\n'
PAIR = "{certificate = 'good.crt', key = 'good.key'}"
SECOND = PROXY.replace('"c"', '"d"')


@pytest.mark.parametrize(
    ("text", "table", "key", "value", "remedy"),
    [
        # unknown keys
        ("[server]\nlisen = []", "[server]", "lisen", "", 'did you mean "listen"?'),
        ("[sever]", "", "sever", "", 'did you mean "server"?'),
        ("x = 1", "", "x", "", 'known are "access", "listener", "repository", "server", "store"'),
        ("[store.default]\nsize = 1", "[store.default]", "size", "", "unknown key"),
        ("[access]\nanonymus = 'read'", "[access]", "anonymus", "", 'did you mean "anonymous"?'),
        (PROXY + "upstraem = 1", '[[repository]] "c"', "upstraem", "", 'did you mean "upstream"?'),
        (PROXY + "members = []", '[[repository]] "c"', "members", "", "only a group has this key"),
        (PROXY + "publish_to = 'x'", '[[repository]] "c"', "publish_to", "", "only a group has this key"),
        (PROXY + "exclusive = {}", '[[repository]] "c"', "exclusive", "", "only a group has this key"),
        (PROXY + "shared_names = []", '[[repository]] "c"', "shared_names", "", "only a group has this key"),
        (PROXY + "namespaces = []", '[[repository]] "c"', "namespaces", "", "unknown key"),
        (PROXY + "auth = {headers = {A = 'b'}, realm = 'x'}", '[[repository]] "c" auth', "realm", "", "unknown key"),
        (
            PROXY + "hosts = [{listener = 'main', host = 'x', port = 1}]",
            '[[repository]] "c" hosts',
            "port",
            "",
            "unknown key",
        ),
        # tables of the wrong sort
        ("[[server]]", "[[server]]", "server", "", "want a table [server]"),
        ("server = 1", "", "server", "", "want a table [server]"),
        ("[repository]\nname = 'c'", "[repository]", "", "", "want double brackets: [[repository]]"),
        ("repository = ['c']", "[repository]", "", "", "want double brackets"),
        ("[store]\npath = 'x'", "[store]", "path", "", "[store.default]"),
        # [server]
        ("[server]\nworkers = 'two'", "[server]", "workers", '"two"', "whole number"),
        ("[server]\nlisten = '127.0.0.1:8080'", "[server]", "listen", '"127.0.0.1:8080"', "in brackets"),
        ("[server]\nlisten = []", "[server]", "listen", "[]", "no address to listen on"),
        ("[server]\nlog_level = 'trace'", "[server]", "log_level", '"trace"', '"debug", "info", "warning", "error"'),
        ("[server]\nshutdown_grace = 0", "[server]", "shutdown_grace", "0", "more than 0"),
        ("[server]\nmax_header_size = 10", "[server]", "max_header_size", "10", "at least 1024"),
        ("[server]\naccess_log = 'no'", "[server]", "access_log", '"no"', "true or false"),
        ("[server]\ntrusted_proxies = ['x']", "[server]", "trusted_proxies", '["x"]', "IP address"),
        ("[server]\nlisten = 2020-01-01T00:00:00Z", "[server]", "listen", "2020-01-01 00:00:00+00:00", "in brackets"),
        # listeners
        (LISTENER.format("main", "[::1]:0"), '[[listener]] "main"', "name", '"main"', "want another name"),
        ("[[listener]]\nlisten = ['[::1]:0']", "[[listener]] number 1", "name", "", "needs a name"),
        ("[[listener]]\nname = 'a'", '[[listener]] "a"', "listen", "", "needs an address"),
        (
            LISTENER.format("a", "[::1]:0") + LISTENER.format("a", "[::1]:0"),
            '[[listener]] "a"',
            "name",
            '"a"',
            "taken by a table above",
        ),
        (
            LISTENER.format("a", "127.0.0.1:8080"),
            '[[listener]] "a"',
            "listen",
            '["127.0.0.1:8080"]',
            'taken by 127.0.0.1:8080 of listener "main"',
        ),
        (LISTENER.format("a", "0.0.0.0:8080"), '[[listener]] "a"', "listen", '["0.0.0.0:8080"]', "taken by"),
        (
            LISTENER.format("a", "unix:/a") + LISTENER.format("b", "unix:/a"),
            '[[listener]] "b"',
            "listen",
            '["unix:/a"]',
            "taken by unix:/a",
        ),
        (LISTENER.format("a", "[::1]:0") + "tls = true", '[[listener]] "a"', "tls", "", "want a table"),
        (
            LISTENER.format("a", "[::1]:0") + "tls = {certificate = 'none.pem', key = 'mxart.toml'}",
            '[[listener]] "a" tls',
            "certificate",
            '"none.pem"',
            "none.pem cannot be read: No such file",
        ),
        (
            LISTENER.format("a", "[::1]:0") + "tls = {certificate = 'mxart.toml', key = 'mxart.toml'}",
            '[[listener]] "a" tls',
            "",
            "",
            "cannot be used together",
        ),
        (
            LISTENER.format("a", "[::1]:0") + "tls = {certificate = 'mxart.toml'}",
            '[[listener]] "a" tls',
            "key",
            "",
            "PEM file",
        ),
        (LISTENER.format("a", "[::1]:0") + "tls = []", '[[listener]] "a"', "tls", "[]", "or a list of tables"),
        (LISTENER.format("a", "[::1]:0") + "tls = ['a.pem']", '[[listener]] "a"', "tls", '["a.pem"]', "list of tables"),
        (LISTENER.format("a", "[::1]:0") + "tls = [[]]", '[[listener]] "a"', "tls", "[[]]", "list of tables"),
        (
            LISTENER.format("a", "[::1]:0") + "tls = [" + PAIR + ", {certificate = 'good.crt'}]",
            '[[listener]] "a" tls number 2',
            "key",
            "",
            "PEM file",
        ),
        (
            LISTENER.format("a", "[::1]:0") + "tls = [{certificate = 'none.pem', key = 'good.key'}, " + PAIR + "]",
            '[[listener]] "a" tls number 1',
            "certificate",
            '"none.pem"',
            "none.pem cannot be read: No such file",
        ),
        (
            LISTENER.format("a", "[::1]:0") + "tls = [" + PAIR + ", {certificate = 'good.key', key = 'good.crt'}]",
            '[[listener]] "a" tls number 2',
            "",
            "",
            "cannot be used together",
        ),
        (
            LISTENER.format("a", "[::1]:0") + "tls = [{certificate = 'good.crt', key = 'good.key', name = 'x'}]",
            '[[listener]] "a" tls number 1',
            "name",
            "",
            "unknown key",
        ),
        # stores
        ("[store.B]\npath = 'x'", "[store.B]", "", "", "lower-case"),
        ("[store.b]", "[store.b]", "path", "", "needs a folder"),
        ("[store.b]\npath = ''", "[store.b]", "path", '""', "path of a folder"),
        ("[store.b]\npath = 'mxart.toml'", "[store.b]", "path", '"mxart.toml"', "is no folder"),
        ("[store.b]\npath = 'mxart.toml/b'", "[store.b]", "path", '"mxart.toml/b"', "Not a directory"),
        ("[store.b]\npath = 'loop'", "[store.b]", "path", '"loop"', "cannot be used"),
        (f"[store.b]\npath = '{'x' * 300}'", "[store.b]", "path", f'"{"x" * 118}…', "cannot be used"),
        ("[store.b]\npath = 'data'", "[store.b]", "path", "", 'overlaps with store "default"'),
        ("[store.b]\npath = 'data/b'", "[store.b]", "path", "", "overlaps"),
        ("[store.b]\npath = '.'", "[store.b]", "path", "", "overlaps"),
        ("[store.default]\nindex_size = '1 MiB'", "[store.default]", "index_size", '"1 MiB"', "at least"),
        ("[store.default]\ntrash_age = '1 KiB'", "[store.default]", "trash_age", '"1 KiB"', "want a duration"),
        ("[access]\nanonymous = 'write'", "[access]", "anonymous", '"write"', '"read", "none"'),
        # repositories
        (PROXY.replace('name = "c"', ""), "[[repository]] number 1", "name", "", "needs a name"),
        (PROXY.replace('"c"', '"C"'), '[[repository]] "C"', "name", '"C"', "lower-case"),
        (PROXY.replace('"c"', '"v2"'), '[[repository]] "v2"', "base_url", "", "Docker's"),
        (PROXY.replace('format = "cinder"', ""), '[[repository]] "c"', "format", "", '"cinder", "demanding"'),
        (PROXY.replace('"cinder"', '"cindre"'), '[[repository]] "c"', "format", '"cindre"', 'did you mean "cinder"?'),
        (PROXY.replace('kind = "proxy"', ""), '[[repository]] "c"', "kind", "", 'want "proxy"'),
        (PROXY.replace('"proxy"', '"mirror"'), '[[repository]] "c"', "kind", '"mirror"', 'want "proxy" or "hosted"'),
        (PROXY.replace("upstream", "#"), '[[repository]] "c"', "upstream", "", "a proxy needs the URL"),
        (PROXY + "store = 'defualt'", '[[repository]] "c"', "store", '"defualt"', 'did you mean "default"?'),
        (PROXY + "ttl = '5 mn'", '[[repository]] "c"', "ttl", '"5 mn"', "want a duration"),
        (PROXY + "negative_ttl = 0", '[[repository]] "c"', "negative_ttl", "0", "more than 0"),
        (PROXY + "retries = 21", '[[repository]] "c"', "retries", "21", "from 0 to 20"),
        (PROXY + "max_connections = 0", '[[repository]] "c"', "max_connections", "0", "from 1 to"),
        (PROXY + "http_proxy = 'ftp://x'", '[[repository]] "c"', "http_proxy", '"ftp://x"', "socks5h"),
        (PROXY + "ca_file = 'x.pem'", '[[repository]] "c"', "ca_file", '"x.pem"', "cannot be read"),
        (PROXY + "ca_file = 'mxart.toml'", '[[repository]] "c"', "ca_file", '"mxart.toml"', "no certificate"),
        (PROXY + "block = 'x'", '[[repository]] "c"', "block", '"x"', "in brackets"),
        (PROXY + "base_url = '/'", '[[repository]] "c"', "base_url", '"/"', '"/" itself'),
        (PROXY + "base_url = '/-/x'", '[[repository]] "c"', "base_url", '"/-/x"', "server's own"),
        (PROXY + "base_url = ''", '[[repository]] "c"', "base_url", '""', "nobody can reach"),
        (PROXY + "base_url = '/a/flood'", '[[repository]] "c"', "base_url", "", "put it out; want another base_url"),
        (PROXY.replace('"c"', '"flood"'), '[[repository]] "flood"', "base_url", "", "or another name"),
        (PROXY + PROXY, '[[repository]] "c"', "name", '"c"', "taken by a table above"),
        (PROXY + SECOND + "base_url = '/c'", '[[repository]] "d"', "base_url", "", 'repository "c" at /c'),
        (PROXY + SECOND + "base_url = '/c/d'", '[[repository]] "d"', "base_url", "", "in the way of"),
        (SECOND + "base_url = '/c/d'\n" + PROXY, '[[repository]] "c"', "base_url", "", "in the way of"),
        (PROXY + "hosts = ['x']", '[[repository]] "c"', "hosts", '["x"]', "list of tables"),
        (PROXY + "hosts = [{listener = 'main'}]", '[[repository]] "c" hosts', "host", "", "want both"),
        (
            PROXY + "hosts = [{listener = 'mian', host = 'x'}]",
            '[[repository]] "c"',
            "hosts",
            '[{ listener = "mian", host = "x" }]',
            'no listener "mian"; did you mean "main"?',
        ),
        (
            PROXY
            + "hosts = [{listener = 'main', host = 'x'}]\n"
            + SECOND
            + "hosts = [{listener = 'main', host = 'X'}]",
            '[[repository]] "d"',
            "hosts",
            '[{ listener = "main", host = "X" }]',
            'leads to repository "c" already',
        ),
        (
            PROXY + "hosts = [{listener = 'main', host = 'x:80'}]",
            '[[repository]] "c" hosts',
            "host",
            '"x:80"',
            "without port",
        ),
        # hosted repositories and groups
        (
            hosted("h") + "damper = true",
            '[[repository]] "h"',
            "damper",
            "",
            "only a proxy has this key, and this is a hosted",
        ),
        (hosted("h") + "ttl = 1", '[[repository]] "h"', "ttl", "", "only a proxy has this key, and this is a hosted"),
        (hosted("h") + "upstream = 'x'", '[[repository]] "h"', "upstream", "", "leave it out"),
        (hosted("h") + "auth = {}", '[[repository]] "h"', "auth", "", "only a proxy"),
        (hosted("h") + "auth_hosts = {}", '[[repository]] "h"', "auth_hosts", "", "only a proxy"),
        (hosted("h") + "members = ['h']", '[[repository]] "h"', "members", "", "only a group has this key"),
        (hosted("h") + "base_url = ''", '[[repository]] "h"', "base_url", '""', "or a group that it is in"),
        (
            group("g") + "retries = 1\n" + HOSTED,
            GROUP_G,
            "retries",
            "",
            "only a proxy has this key, and this is a group",
        ),
        (group("g").replace("members", "#"), GROUP_G, "members", "", 'a group needs members: members = ["'),
        (group("g", []), GROUP_G, "members", "[]", "a group needs members"),
        (group("g", [1]) + HOSTED, GROUP_G, "members", "[1]", "in quotes"),
        (group("g", "h") + HOSTED, GROUP_G, "members", '"h"', "in brackets"),
        (group("g", ["h", "h"]) + HOSTED, GROUP_G, "members", '["h", "h"]', '"h" is there twice'),
        (group("g", ["hh", "h"]) + HOSTED, GROUP_G, "members", '["hh", "h"]', 'no repository "hh"; did you mean "h"?'),
        (group("g", ["x"]), GROUP_G, "members", '["x"]', 'no repository "x"; there are none'),
        (
            group("g") + HOSTED.replace('"cinder"', '"demanding"') + "seal = 'wax'\n",
            GROUP_G,
            "members",
            '["h"]',
            '"h" is of the format "demanding"; want members of "cinder" only',
        ),
        (group("g", ["g"]), GROUP_G, "members", '["g"]', "(g → g)"),
        (group("g") + "publish_to = 'i'\n" + HOSTED, GROUP_G, "publish_to", '"i"', "no member of the group"),
        (group("g", ["c"]) + "publish_to = 'c'\n" + PROXY, GROUP_G, "publish_to", '"c"', "a proxy takes nothing"),
        (
            group("g", ["f"]) + "publish_to = 'f'\n" + group("f") + HOSTED,
            GROUP_G,
            "publish_to",
            '"f"',
            "a group without publish_to takes nothing",
        ),
        (group("g") + "exclusive = { hh = ['*'] }\n" + HOSTED, GROUP_G, "exclusive", '{ hh = ["*"] }', "no member"),
        (group("g") + "exclusive = { h = 'x' }\n" + HOSTED, GROUP_G, "exclusive", '{ h = "x" }', "in brackets"),
        (group("g") + "exclusive = { h = [''] }\n" + HOSTED, GROUP_G, "exclusive", '{ h = [""] }', "want a glob"),
        (group("g") + "exclusive = ['x']\n" + HOSTED, GROUP_G, "exclusive", '["x"]', "a table of lists"),
        (
            group("g") + "exclusive = { go.h = ['*'] }\n" + HOSTED,
            GROUP_G,
            "exclusive",
            '{ go = { h = ["*"] } }',
            "goes in quotes",
        ),
        (group("g") + "shared_names = 'x'\n" + HOSTED, GROUP_G, "shared_names", '"x"', "in brackets"),
        (PROXY.replace("https://c.example.org", "svn"), '[[repository]] "c"', "upstream", '"svn"', 'or "vcs"'),
        # the format's own keys
        (PROXY + "flame = 1", '[[repository]] "c"', "flame", "1", "in quotes"),
        (PROXY + "depth = -1", '[[repository]] "c"', "depth", "-1", "whole number"),
        (PROXY + "strict = 0", '[[repository]] "c"', "strict", "0", "true or false"),
        (PROXY + "kinds_of_ash = ''", '[[repository]] "c"', "kinds_of_ash", '""', "in brackets"),
        (PROXY + "sumdb = {a.b = 'x'}", '[[repository]] "c"', "sumdb", '{ a = { b = "x" } }', "goes in quotes"),
        (PROXY + "flame = 'blue'", '[[repository]] "c"', "flame", "", "another flame than blue"),
        (PROXY.replace("cinder", "demanding"), '[[repository]] "c"', "seal", "", "needs this key"),
    ],
)
def test_one_mistake_is_one_problem_in_its_place(
    tmp_path: Path, good: Certificate, text: str, table: str, key: str, value: str, remedy: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "good.crt").symlink_to(good.certificate)
    (tmp_path / "good.key").symlink_to(good.key)
    (problem,) = problems(tmp_path, text)
    assert (problem.file, problem.table, problem.key) == (str(tmp_path / "mxart.toml"), table, key)
    assert problem.value == value
    assert remedy in problem.message


@pytest.mark.parametrize(
    "text",
    [
        LISTENER.format("a", "127.0.0.1:8081"),
        LISTENER.format("a", "[::]:8080"),
        LISTENER.format("a", "127.0.0.1:0") + LISTENER.format("b", "127.0.0.1:0"),
        "[server]\nlisten = []\n" + LISTENER.format("a", "127.0.0.1:0"),
        PROXY + SECOND + "base_url = '/cc'",
        PROXY + SECOND + "base_url = '/C'",
        PROXY + "base_url = ''\nhosts = [{listener = 'main', host = '*'}]",
        PROXY.replace('"c"', '"v2"') + "base_url = '/x'",
        PROXY + "hosts = [{listener = 'main', host = 'x'}]\n" + SECOND + "hosts = [{listener = 'main', host = '*'}]",
        HOSTED,
        group("g") + HOSTED + "base_url = ''",
        group("g") + "base_url = ''\n" + group("f", ["g", "h"]) + HOSTED,
        group("g") + "publish_to = 'h'\n" + group("f", ["g"]) + "publish_to = 'g'\n" + HOSTED,
        group("g", ["f", "h"]) + group("f") + HOSTED,  # reached by two ways, and in no circle
        group("g") + "store = 'default'\n" + HOSTED,
    ],
)
def test_near_misses_are_fine(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).source == str(tmp_path / "mxart.toml")


def test_every_key_of_a_group_arrives(tmp_path: Path) -> None:
    text = group("g", ["h", "c"]) + (
        'publish_to = "h"\nexclusive = { "h" = ["corp.example.com", "corp.example.com/*"], "c" = [] }\n'
        'shared_names = ["example.com/*"]\nblock = ["x"]\ndepth = 2\n'
    )
    found, _, _ = read(tmp_path, text + HOSTED + PROXY).repositories
    assert found == RepositorySettings(
        name="g",
        format="cinder",
        kind="group",
        members=("h", "c"),
        publish_to="h",
        exclusive={"h": ("corp.example.com", "corp.example.com/*"), "c": ()},
        shared_names=("example.com/*",),
        block=("x",),
        base_url="/g",
        options=CinderSettings(depth=2),
    )


def test_a_circle_is_said_at_each_group_in_it(tmp_path: Path) -> None:
    found = problems(tmp_path, group("a", ["b"]) + group("b", ["h", "c"]) + group("c", ["a"]) + HOSTED)
    assert [(problem.table, problem.key) for problem in found] == [
        (f'[[repository]] "{name}"', "members") for name in "abc"
    ]
    assert ["(a → b → c → a)" in problem.message for problem in found] == [True, False, False]


def test_a_group_around_a_circle_is_not_in_it(tmp_path: Path) -> None:
    found = problems(tmp_path, group("out", ["a"]) + group("a", ["b"]) + group("b", ["a"]))
    assert [problem.table for problem in found] == ['[[repository]] "a"', '[[repository]] "b"']


def test_a_member_that_is_wrong_itself_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, group("g") + HOSTED.replace('"hosted"', '"hoste"'))
    assert problem.key == "kind"


def test_all_problems_come_together(tmp_path: Path) -> None:
    text = (
        "[server]\nworkers = -1\nx = 1\n[access]\nanonymous = 1\n" + PROXY + "ttl = ''\n" + SECOND + "base_url = '/c'"
    )
    found = problems(tmp_path, text)
    assert [problem.key for problem in found] == ["workers", "x", "anonymous", "ttl", "base_url"]


def test_a_problem_is_one_readable_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, PROXY + 'ttl = "5 mn"')
    start = f'{tmp_path}/mxart.toml: [[repository]] "c" ttl = "5 mn": want a duration such as '
    assert str(problem).startswith(start)
    assert "\n" not in str(problem)


def test_the_error_says_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, "x = 1\ny = 2")
    assert caught.value.message.splitlines() == [str(problem) for problem in caught.value.problems]


def test_a_key_and_a_certificate_that_do_not_match(tmp_path: Path) -> None:
    one, other = Authority(tmp_path).issue("one.example.org"), Authority(tmp_path).issue("other.example.org")
    tls = f"tls = {{ certificate = '{one.certificate}', key = '{other.key}' }}"
    (problem,) = problems(tmp_path, LISTENER.format("a", "[::1]:0") + tls)
    assert "cannot be used together" in problem.message


def test_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "sub" / "mxart.toml"
    file.parent.mkdir()
    file.write_text("[server]\nworkers = 1\nlisten = ['unix:x']")
    settings = load(file, FORMATS, {}, Overrides(workers=5, listen=("127.0.0.1:0", "unix:y")))
    assert settings.server.workers == 5
    assert settings.listeners[0].listen == settings.server.listen == ("127.0.0.1:0", f"unix:{tmp_path}/y")
    with pytest.raises(ConfigurationError) as caught:
        load(file, FORMATS, {}, Overrides(listen=("8080",)))
    (problem,) = caught.value.problems
    assert str(problem).startswith('command line: --listen = "8080": want "host:port"')


def test_relative_paths_are_the_files_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mxart.toml").write_text("[store.default]\npath = 'd'")
    monkeypatch.chdir(tmp_path)
    settings = load(Path("sub/mxart.toml"), FORMATS, {})
    assert settings.stores["default"].path == tmp_path / "sub" / "d"


PROPOSAL = Proposal(name="c", format="cinder", upstream="https://c.example.org/", origin="cinder env")


CINDER = {"cinder": FORMATS["cinder"]}


def test_the_quick_start_serves_every_proposal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    other = replace(PROPOSAL, name="d", options={"sumdb": {"sum.example.org": "https://sum.example.org"}})
    settings = quick_start([PROPOSAL, other], CINDER, os.environ, Overrides(workers=2))
    assert settings.source == BUILT_IN
    assert settings.server.workers == 2
    assert settings.stores == {"default": StoreSettings(path=tmp_path / "data")}
    group, hosted, c, d = settings.repositories
    assert (hosted.name, hosted.kind, hosted.base_url) == ("cinder-internal", "hosted", "/cinder-internal")
    assert (c.name, c.kind, c.upstream) == ("c", "proxy", UpstreamSettings(url="https://c.example.org"))
    assert (d.name, d.options.sumdb) == ("d", {"sum.example.org": "https://sum.example.org"})
    assert (group.name, group.kind, group.base_url) == ("cinder", "group", "/cinder")
    assert (group.members, group.publish_to) == (("cinder-internal", "c", "d"), "cinder-internal")


def test_the_quick_start_hosts_without_proposals() -> None:
    group, hosted = quick_start([], CINDER, {}).repositories
    assert (hosted.kind, group.members) == ("hosted", ("cinder-internal",))


def test_the_quick_start_refuses_a_proposal_that_cannot_work() -> None:
    with pytest.raises(ConfigurationError, match="built-in quick start"):
        quick_start([replace(PROPOSAL, upstream="https://me:secret@c.example.org")], CINDER, {})

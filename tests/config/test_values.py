import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mxart.config import values

FOLDER = Path("/etc/mxart")


def address(value: object) -> str:
    return values.address(value, FOLDER)


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (values.http_url, "https://go.example.org", "https://go.example.org"),
        (values.http_url, "https://go.example.org/", "https://go.example.org"),
        (values.http_url, "HTTP://go.example.org:8081/a/b/", "http://go.example.org:8081/a/b"),
        (values.http_url, "http://[::1]:80/x", "http://[::1]:80/x"),
        (values.http_url, "http://127.0.0.1", "http://127.0.0.1"),
        (values.http_url, "http://localhost/a%20b", "http://localhost/a%20b"),
        (values.public_url, "", ""),
        (values.public_url, "https://artifacts.example.org/", "https://artifacts.example.org"),
        (values.proxy_url, "", ""),
        (values.proxy_url, "http://proxy.example.org:3128/", "http://proxy.example.org:3128"),
        (values.proxy_url, "https://proxy.example.org", "https://proxy.example.org"),
        (values.proxy_url, "socks4://127.0.0.1:1080", "socks4://127.0.0.1:1080"),
        (values.proxy_url, "socks4a://127.0.0.1:1080", "socks4a://127.0.0.1:1080"),
        (values.proxy_url, "socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"),
        (values.proxy_url, "socks5h://me:secret@127.0.0.1:1080", "socks5h://me:secret@127.0.0.1:1080"),
        (address, "127.0.0.1:8080", "127.0.0.1:8080"),
        (address, "localhost:0", "localhost:0"),
        (address, "Artifacts.example.org:08080", "artifacts.example.org:8080"),
        (address, "[::]:8080", "[::]:8080"),
        (address, "[0:0:0:0:0:0:0:1]:8080", "[::1]:8080"),
        (address, "unix:/run/mxart.sock", "unix:/run/mxart.sock"),
        (address, "unix:mxart.sock", "unix:/etc/mxart/mxart.sock"),
        (values.base_path, "", ""),
        (values.base_path, "/go", "/go"),
        (values.base_path, "/go/", "/go"),
        (values.base_path, "/a/b.c/~d_e-f", "/a/b.c/~d_e-f"),
        (values.base_path, "/v2x", "/v2x"),
        (values.base_path, "/-x", "/-x"),
        (values.base_path, "/a/v2", "/a/v2"),
        (values.host_name, "Go.Example.org", "go.example.org"),
        (values.host_name, "go.example.org.", "go.example.org"),
        (values.host_name, "*", "*"),
        (values.peer, "10.0.0.0/8", "10.0.0.0/8"),
        (values.peer, "127.0.0.1", "127.0.0.1"),
        (values.peer, "FE80::/10", "fe80::/10"),
        (values.peer, "unix", "unix"),
        (values.name, "go-public_1.x", "go-public_1.x"),
        (values.name, "0", "0"),
        (values.size(0), "64 KiB", 65536),
        (values.size(0), 0, 0),
        (values.size(0), 1000, 1000),
        (values.duration, "5 min", 300.0),
        (values.duration, 2.5, 2.5),
        (values.duration, 30, 30.0),
        (values.whole(0, 20), 20, 20),
        (values.flag, False, False),
        (values.choice("a", "b"), "b", "b"),
        (values.several(values.text), [], ()),
        (values.several(values.text), ["x", "y"], ("x", "y")),
        (values.text_map, {"a.b": "c"}, {"a.b": "c"}),
        (values.pattern, "corp.example.com/*", "corp.example.com/*"),
    ],
)
def test_accepts(read: Callable[[object], object], value: object, result: object) -> None:
    assert read(value) == result


URL, PROXY, ADDRESS, PATH, HOST = values.http_url, values.proxy_url, address, values.base_path, values.host_name


@pytest.mark.parametrize(
    ("read", "value", "remedy"),
    [
        (URL, "", "want a URL"),
        (URL, 5, "in quotes"),
        (URL, "go.example.org", "want a URL"),
        (URL, "//go.example.org", "want a URL"),
        (URL, "ftp://go.example.org", "one of http, https"),
        (URL, "file:///etc/passwd", "one of http, https"),
        (URL, "https://", "want a URL"),
        (URL, "https:///path", "want a URL"),
        (URL, "https://me:secret@go.example.org", "auth ="),
        (URL, "https://me@go.example.org", "auth ="),
        (URL, "https://@go.example.org", "auth ="),
        (URL, "https://go.example.org/?a=b", "?query"),
        (URL, "https://go.example.org/?", "?query"),
        (URL, "https://go.example.org/#", "#fragment"),
        (URL, "https://go.example.org:99999", "want a URL"),
        (URL, "https://go.example.org:0", "want a URL"),
        (URL, "https://go.example.org:x", "want a URL"),
        (URL, "https://go example.org", "percent-encoded"),
        (URL, "https://go.example.org/a b", "percent-encoded"),
        (URL, "https://go.example.org/\u00e9", "percent-encoded"),
        (URL, "https://go.example.org\\@evil.example.com", "percent-encoded"),
        (URL, "https://go.example.org/\r\nX: y", "control characters"),
        (URL, "https://[::1", "want a URL"),
        (URL, "https://go_.-example..org", "want a URL"),
        (PROXY, "ftp://proxy.example.org", "socks5h"),
        (PROXY, "proxy.example.org:3128", "socks5h"),
        (PROXY, "http://proxy.example.org/path", "without a path"),
        (PROXY, True, "in quotes"),
        (ADDRESS, "", '"host:port"'),
        (ADDRESS, "8080", '"host:port"'),
        (ADDRESS, "127.0.0.256:8080", '"host:port"'),
        (ADDRESS, "8080:8080", '"host:port"'),
        (ADDRESS, "*:8080", '"0.0.0.0:8080"'),
        (ADDRESS, ":8080", '"0.0.0.0:8080"'),
        (ADDRESS, "127.0.0.1:", "up to 65535"),
        (ADDRESS, "127.0.0.1:65536", "up to 65535"),
        (ADDRESS, "127.0.0.1:-1", "up to 65535"),
        (ADDRESS, "127.0.0.1:٨", "up to 65535"),
        (ADDRESS, "127.0.0.1:1" + "0" * 9, "up to 65535"),
        (ADDRESS, "::1:8080", '"[IPv6]:port"'),
        (ADDRESS, "[::1]", '"[IPv6]:port"'),
        (ADDRESS, "[zz]:80", '"[::]:8080"'),
        (ADDRESS, "http://127.0.0.1:8080", '"host:port"'),
        (ADDRESS, "unix:", "unix socket"),
        (ADDRESS, "unix:/" + "x" * 107, "107 bytes"),
        (ADDRESS, 8080, "in quotes"),
        (PATH, "/", '"/" itself'),
        (PATH, "go", 'begins with "/"'),
        (PATH, "//go", "single slashes"),
        (PATH, "/go//", "single slashes"),
        (PATH, "/a/../b", "single slashes"),
        (PATH, "/.", "single slashes"),
        (PATH, "/a b", "single slashes"),
        (PATH, "/%67o", "single slashes"),
        (PATH, "/g\u00f6", "single slashes"),
        (PATH, "/-", "server's own"),
        (PATH, "/-/x", "server's own"),
        (PATH, "/v2", "Docker's"),
        (PATH, "/v2/x", "Docker's"),
        (HOST, "", "host name"),
        (HOST, "go.example.org:80", "without port"),
        (HOST, "*.example.org", "host name"),
        (HOST, "a..b", "host name"),
        (HOST, "[::1]", "host name"),
        (values.peer, "10.0.0.1/8", "host bits"),
        (values.peer, "10.0.0.0/33", "network"),
        (values.peer, "proxy.example.org", "IP address"),
        (values.peer, "unix:/run/mxart.sock", '"unix"'),
        (values.name, "", "begins with a letter"),
        (values.name, "Go", "lower-case"),
        (values.name, "-go", "begins with"),
        (values.name, "go/x", "want a name"),
        (values.name, "g\u00f6", "want a name"),
        (values.name, "go\n", "control characters"),
        (values.name, "x" * 101, "at most 100"),
        (values.size(1024), "1 KB", "at least 1024"),
        (values.size(0), -1, "not negative"),
        (values.size(0), True, "with a unit"),
        (values.size(0), "5 min", "want a size"),
        (values.size(0), float("nan"), "want a size"),
        (values.size(0), 1 << 62, "smaller"),
        (values.size(0), [], "with a unit"),
        (values.duration, 0, "more than 0"),
        (values.duration, "0 s", "more than 0"),
        (values.duration, "64 KiB", "want a duration"),
        (values.duration, float("inf"), "want a duration"),
        (values.duration, "9999999 d", "less than 100 years"),
        (values.duration, {}, "with a unit"),
        (values.whole(0, 20), 21, "from 0 to 20"),
        (values.whole(0, 20), -1, "from 0 to 20"),
        (values.whole(0, 20), True, "from 0 to 20"),
        (values.whole(0, 20), "2", "from 0 to 20"),
        (values.whole(0, 20), 2.0, "from 0 to 20"),
        (values.flag, 1, "true or false"),
        (values.flag, "true", "true or false"),
        (values.choice("a", "b"), "c", '"a", "b"'),
        (values.choice("a", "b"), ["a"], '"a", "b"'),
        (values.several(values.text), "x", "in brackets"),
        (values.several(values.text), [1], "in quotes"),
        (values.text_map, [], "table of strings"),
        (values.text_map, {"a": {"b": "c"}}, "in quotes"),
        (values.text_map, {"a": 1}, "in quotes"),
        (values.pattern, "", "glob"),
        (values.pattern, " x", "glob"),
        (values.pattern, "https://corp.example.com/*", "glob"),
        (values.text, "a\0b", "control characters"),
        (values.text, "a\x7fb", "control characters"),
    ],
)
def test_refuses_with_a_remedy(read: Callable[[object], object], value: object, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        read(value)


def test_a_file_is_found_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    assert values.readable_file("ca.pem", tmp_path) == tmp_path / "ca.pem"
    with pytest.raises(ValueError, match=r"none\.pem cannot be read: No such file"):
        values.readable_file("none.pem", tmp_path)
    with pytest.raises(ValueError, match="cannot be read"):
        values.readable_file(".", tmp_path)

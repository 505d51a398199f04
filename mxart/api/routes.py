"""Which function answers which of the server's own paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from mxart.api import wire
from mxart.errors import MxartError, NotFound, Unsupported
from mxart.model import Principal, Request, Response

View = Callable[[Request], Awaitable[Response]]
Failures = Callable[[MxartError], tuple[int, dict[str, str]]]  # the status of an error, and the fields that go with it

_NO_ROUTES: Mapping[str, View] = MappingProxyType({})

BODY_LIMIT = 64 * 1024  # bytes; the only body that any of them takes is a form


class Router:
    """The handler of everything that belongs to no repository (`server.Handler`)."""

    body_limit = BODY_LIMIT

    def __init__(
        self,
        identify: Callable[[Request], Awaitable[Principal]],
        failures: Failures,
        routes: Mapping[str, View],
        doors: Mapping[str, View] = _NO_ROUTES,
    ) -> None:
        """``identify``: who asks; raises Unauthenticated.

        ``routes``: path without leading slash → view for GET, and for HEAD; ``"PUT some/path"`` for another method.
        A path that ends in ``/*`` stands for every path below it that has no route of its own.

        ``doors``: more of them, whose views find out who asks by themselves, and refuse whom they must in their own
        words.
        """
        self._identify = identify
        self._failures = failures
        self._views: dict[str, dict[str, View]] = {}
        for route, view in {**{route: self._known(view) for route, view in routes.items()}, **doors}.items():
            method, _, path = route.rpartition(" ")
            self._views.setdefault(path, {})[method or "GET"] = view

    async def handle(self, request: Request) -> Response:
        """The answer of the view at the request's path, who asks being known to it as ``request.principal``.

        Raises NotFound and Unsupported for paths and methods without one, and whatever the view raises.
        """
        return await self._view(request)(request)

    def _known(self, view: View) -> View:
        async def known(request: Request) -> Response:
            request.principal = await self._identify(request)
            return await view(request)

        return known

    def failure(self, error: MxartError) -> Response:
        status, headers = self._failures(error)
        response = wire.failure(error, status)
        response.headers |= headers
        return response

    def _view(self, request: Request) -> View:
        methods = self._views.get(request.path) or self._below(request.path)
        if methods is None:
            raise NotFound(f"There is nothing at /{request.path}.")
        view = methods.get("GET" if request.method == "HEAD" else request.method)
        if view is None:
            raise Unsupported(f"/{request.path} does not answer {request.method}.", _allowed(methods))
        return view

    def _below(self, path: str) -> dict[str, View] | None:
        """The nearest ``…/*`` that covers the path."""
        while "/" in path:
            path = path.rpartition("/")[0]
            if found := self._views.get(path + "/*"):
                return found
        return None


def _allowed(methods: Mapping[str, View]) -> tuple[str, ...]:
    return tuple(sorted({*methods, "HEAD"} if "GET" in methods else methods))

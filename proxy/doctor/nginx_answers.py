"""Checks the blocks that answer in place of the proxy: their logs get its visitors."""

import re
from collections.abc import Callable, Iterator, Sequence

from config.settings import ProxySettings
from proxy.doctor.finding import Finding, finding, look
from proxy.doctor.nginx_file import Arguments, Block, NginxConfig
from proxy.doctor.nginx_location import Locations

_ABOUT = "nginx's answers"
_SHIPPED = "deploy/nginx.conf contains it"
# nginx answers malformed requests with these before it chooses a location.
_REFUSALS = ("400", "405", "414", "494")
# The levels at which nginx notes malformed requests.
_VERBOSE_LEVELS = frozenset({"info", "debug"})
_PATHS = ("/v1/events", "/p.gif", "/api/event", "/script.js", "/optout")
_SAMPLE = "GET {prefix}/p.gif?page=1 HTTP/1.1"

# Whether one of a block's logs gets something personal.
IsLogging = Callable[[Block], bool]


class AnswerChecks:
    """The checks of one configuration."""

    def __init__(
        self, config: NginxConfig, proxy: ProxySettings, logs: IsLogging
    ) -> None:
        self._config = config
        self._proxy = proxy
        self._logs = logs

    def error_pages(self, block: Block) -> Iterator[Finding]:
        """Yield a result for each error page of *block* that logs visitors."""
        locations = Locations(self._config.blocks, block.server)
        is_intercepting = block.simple["proxy_intercept_errors"] == ("on",)
        for codes, target in _error_pages(block):
            # The proxy answers 404, not nginx.
            own = [code for code in codes if is_intercepting or code != "404"]
            if not own or not target.startswith(("/", "@", "$")):
                continue
            text = f"{block.name}: {target} answers failed requests ({', '.join(own)})"
            hint = f"write an own `error_page` there; {_SHIPPED}"
            if "$" in target:
                yield look(_ABOUT, f"{text}; its logs were not checked", hint)
            elif self._logs(_target_block(locations, target)):
                yield finding(_ABOUT, f"{text} and logs the visitor", hint)

    def servers(self, blocks: Sequence[Block]) -> Iterator[Finding]:
        """Yield results about the servers that contain *blocks*."""
        for number in dict.fromkeys(block.server for block in blocks):
            locations = Locations(self._config.blocks, number)
            yield from self._stolen_paths(locations, blocks)
            yield from self._refusals(locations)

    def _stolen_paths(
        self, locations: Locations, blocks: Sequence[Block]
    ) -> Iterator[Finding]:
        """Yield a finding for each location that takes requests from *blocks*."""
        own_blocks = [(block.server, block.locations) for block in blocks]
        paths: dict[str, list[str]] = {}
        for path in (self._proxy.tag_path, *_PATHS):
            full = f"{self._proxy.path_prefix}{path}"
            block, expected = locations.find(full), locations.find_prefix(full)
            is_own = (block.server, block.locations) in own_blocks
            if (expected.server, expected.locations) in own_blocks and not is_own:
                paths.setdefault(block.name, []).append(full)
        for name, taken in paths.items():
            yield finding(
                _ABOUT,
                f"{name} answers {', '.join(taken)} in place of Millpond",
                f"write `location ^~ …` before the path; {_SHIPPED}",
            )

    def _refusals(self, locations: Locations) -> Iterator[Finding]:
        """Yield how the server logs requests that nginx refuses without a location."""
        server = locations.server
        levels = [level for _, *rest in server.lists["error_log"] for level in rest]
        if _VERBOSE_LEVELS.intersection(levels):
            yield finding(
                _ABOUT,
                f"{server.name}: the error log gets the address of visitors whose"
                " requests are malformed",
                "write a level such as `error` at that `error_log`",
            )
        if not self._logs(server) or self._is_left_out(server):
            return
        silent = {
            code
            for codes, target in _error_pages(server)
            if target.startswith(("/", "@"))
            and not self._logs(_target_block(locations, target))
            for code in codes
        }
        if silent.issuperset(_REFUSALS):
            yield look(
                _ABOUT,
                f"{server.name}: the access log gets requests that end before their"
                " headers are complete",
                'see docs/operations.md, "Web server logs", for a condition',
            )
        else:
            yield finding(
                _ABOUT,
                f"{server.name}: the access log gets malformed and too long requests"
                " with their URLs",
                f"write `error_page {' '.join(_REFUSALS)} …` in the server; {_SHIPPED}",
            )

    def _is_left_out(self, server: Block) -> bool:
        """Return whether a condition keeps the path out of each access log."""
        line = _SAMPLE.format(prefix=self._proxy.path_prefix)
        left_out = {
            item.variable
            for item in self._config.maps
            if item.source in ("$request", "${request}")
            and _mapped(item.entries, line) in ("", "0")
        }
        return all(
            any(
                option.startswith("if=$") and option.removeprefix("if=$") in left_out
                for option in options
            )
            for _, *options in server.access_logs
        )


def _error_pages(block: Block) -> Iterator[tuple[list[str], str]]:
    """Yield the codes and the target of each error page of *block*."""
    for arguments in block.lists["error_page"]:
        *codes, target = arguments
        yield [code for code in codes if code.isdigit()], target


def _target_block(locations: Locations, target: str) -> Block:
    if target.startswith("@"):
        return locations.named(target) or locations.server
    return locations.find(target.partition("?")[0])


def _mapped(entries: Sequence[Arguments], text: str) -> str:
    """Return the value that a map of *entries* gives to *text*."""
    default = ""
    for pattern, *values in entries:
        value = values[0] if values else ""
        if pattern == "default":
            default = value
        elif pattern.startswith("~"):
            flags = re.IGNORECASE if pattern.startswith("~*") else 0
            try:
                if re.search(pattern.lstrip("~*"), text, flags):
                    return value
            except re.error:
                continue
    return default

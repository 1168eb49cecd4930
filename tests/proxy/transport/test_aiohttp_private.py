"""Every private attribute of aiohttp in use is listed and exists."""

import ast
import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from aiohttp.web_protocol import RequestHandler

from proxy.transport import connection, server
from proxy.transport.aiohttp_private import CHECKED_WITH, CONNECTION, PARSER, SERVER
from proxy.transport.connection import SilentConnection
from proxy.transport.server import SilentServer
from tests.proxy.in_process_server import dispatcher_server

_UPGRADE = (
    f"checked with aiohttp {CHECKED_WITH}, this is {aiohttp.__version__}:"
    " read its web_protocol.py, then see proxy/transport/aiohttp_private.py"
)


def missing_attributes(of: object, names: Iterable[str]) -> list[str]:
    """Return the *names* that an object does not have."""
    return [name for name in names if not hasattr(of, name)]


@pytest.fixture
async def built_connection() -> SilentConnection:
    """Return a connection built by the server."""
    connection_object = dispatcher_server({})()
    assert isinstance(connection_object, SilentConnection)
    return connection_object


def test_aiohttp_has_the_checked_version() -> None:
    assert aiohttp.__version__ == CHECKED_WITH, _UPGRADE


async def test_a_connection_has_every_listed_attribute(
    built_connection: SilentConnection,
) -> None:
    assert missing_attributes(built_connection, CONNECTION) == [], _UPGRADE


async def test_a_parser_has_every_listed_attribute() -> None:
    plain = RequestHandler(dispatcher_server({}), loop=asyncio.get_running_loop())

    assert missing_attributes(plain._parser, PARSER) == [], _UPGRADE  # noqa: SLF001 - it is the test


async def test_a_server_has_every_listed_attribute() -> None:
    assert missing_attributes(dispatcher_server({}), SERVER) == [], _UPGRADE


def test_a_missing_attribute_is_named() -> None:
    assert missing_attributes(object(), ["_waiter", "__class__"]) == ["_waiter"]


@pytest.mark.parametrize(
    ("module", "ours", "listed"),
    [
        pytest.param(connection, SilentConnection, CONNECTION, id="connection"),
        pytest.param(server, SilentServer, SERVER, id="server"),
    ],
)
def test_every_used_private_attribute_is_listed(
    module: ModuleType, ours: type[Any], listed: Iterable[str]
) -> None:
    """Check both directions: an unused attribute must not be listed."""
    [body] = [node for node in _classes(module) if node.name == ours.__name__]
    used = _own_private(body)

    assert set(listed) <= used
    assert used - set(listed) <= _defined(body)


def _classes(module: ModuleType) -> Iterator[ast.ClassDef]:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _own_private(body: ast.ClassDef) -> set[str]:
    """Return the private attributes of ``self`` that a class uses or overrides."""
    used = {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    return {name for name in used | _methods(body) if _is_private(name)}


def _methods(body: ast.ClassDef) -> set[str]:
    return {node.name for node in body.body if isinstance(node, ast.FunctionDef)}


def _defined(body: ast.ClassDef) -> set[str]:
    """Return the names a class defines: methods, slots and assigned attributes."""
    slots = {
        node.value
        for statement in body.body
        if isinstance(statement, ast.Assign)
        for node in ast.walk(statement.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assigned = {
        node.attr
        for function in body.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return _methods(body) | slots | assigned


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")

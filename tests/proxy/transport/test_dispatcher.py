"""A path is found under any prefix; every failure has its response."""

import errno
import os
import re
from http import HTTPStatus

import pytest
from multidict import CIMultiDict

from batcher.salts.store import SaltStoreError
from batcher.spool.lane_files import SpoolError
from batcher.spool.quota import SpoolFullError
from config.settings import Settings
from proxy.pipeline.sites import build_sites
from proxy.transport.cors import Cors
from proxy.transport.dispatcher import Dispatcher, Handler, Methods, Routes
from proxy.transport.request import Request
from proxy.transport.response import PendingResponse, Response


def methods_returning(word: str) -> Methods:
    """Return methods that respond with *word*."""

    def handle(_request: Request) -> Response | PendingResponse:
        return Response(HTTPStatus.OK, word.encode())

    return {"GET": handle}


def word(methods: Methods | None) -> str | None:
    """Return the word that the methods respond with."""
    if methods is None:
        return None
    handler: Handler = methods["GET"]
    answer = handler(Request("GET", "/", CIMultiDict(), None))
    assert isinstance(answer, Response)
    return answer.body.decode()


ROUTES = Routes(
    {"/v1/batch": methods_returning("long"), "/batch": methods_returning("short")},
    [(re.compile("/array/([^/]+)/config$"), methods_returning("config"))],
) + Routes(
    {
        "/batch": methods_returning("other"),
        "/e": methods_returning("e"),
        "/config": methods_returning("shorter"),
    },
    [(re.compile("/x$"), methods_returning("x"))],
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/batch", "short"),
        ("/collect/batch", "short"),
        ("/collect/v1/batch", "long"),
        ("/v1/batch", "long"),
        ("/a/b/c/e", "e"),
        ("/array/key/config", "config"),
        ("/collect/array/key/config", "config"),
        ("/other/config", "shorter"),
        ("/a/x", "x"),
        ("/array//config", "shorter"),
        ("/batch/", None),
        ("/mybatch", None),
        ("batch", None),
        ("", None),
        ("/" * 40, None),
        ("/a" * 30 + "/e", None),
    ],
)
def test_the_longest_known_path_suffix_decides(path: str, expected: str | None) -> None:
    assert word(ROUTES.methods(path)) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *(
            pytest.param(OSError(number, "no"), (503, True), id=errno.errorcode[number])
            for number in (
                *(errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EIO),
                *(errno.EROFS, errno.EACCES, errno.ENOENT, errno.ESTALE),
            )
        ),
        pytest.param(SpoolError("open lane: counter"), (503, True), id="a counter"),
        pytest.param(SpoolFullError("full"), (503, True), id="a full spool"),
        pytest.param(SaltStoreError("gone"), (503, True), id="no salts"),
        pytest.param(ValueError("a bug"), (500, False), id="a fault of the code"),
    ],
)
def test_only_a_program_error_is_500(
    settings: Settings, error: Exception, expected: tuple[int, bool]
) -> None:
    def fail(_request: Request) -> Response | PendingResponse:
        raise error

    dispatcher = Dispatcher(
        Routes({"/e": {"GET": fail}}),
        cors=Cors(build_sites(settings, os.urandom)),
        max_body_bytes=1_024,
        clock=lambda: 0.0,
    )
    request = Request("GET", "/e", CIMultiDict(), None)
    answer = dispatcher.answer(request)
    assert isinstance(answer, Response)
    wire = dispatcher.encode(request, answer)

    assert (answer.status, b"\r\nRetry-After: 2\r\n" in wire) == expected

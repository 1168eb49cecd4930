"""A path is found under any prefix; what two have belongs to the first."""

import re
from http import HTTPStatus

import pytest
from multidict import CIMultiDict

from proxy.answer import Answer, Later
from proxy.door import Handler, Methods, Routes
from proxy.request import Request


def says(word: str) -> Methods:
    """Return methods whose answer is *word*."""

    def handle(_request: Request) -> Answer | Later:
        return Answer(HTTPStatus.OK, word.encode())

    return {"GET": handle}


def word(found: Methods | None) -> str | None:
    """Return what the methods say."""
    if found is None:
        return None
    handler: Handler = found["GET"]
    answer = handler(Request("GET", "/", CIMultiDict(), None))
    assert isinstance(answer, Answer)
    return answer.body.decode()


ROUTES = Routes(
    {"/v1/batch": says("long"), "/batch": says("short")},
    [(re.compile("/array/([^/]+)/config$"), says("config"))],
) + Routes(
    {"/batch": says("other"), "/e": says("e"), "/config": says("shorter")},
    [(re.compile("/x$"), says("x"))],
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
def test_the_longest_end_of_a_path_that_is_known_counts(
    path: str, expected: str | None
) -> None:
    assert word(ROUTES.methods(path)) == expected

"""Clients in threads that send hits, retry them, and record the responses."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from tests.oracle import Account, Answer, Sent
from tests.processes import Installation

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
_PAUSE_S = 0.004
_TRY_AGAIN_S = 0.05
_ANSWER_S = 5.0
_MOST_HITS = 4
_BUSY = 300


class Sender:
    """One client: a visitor who sends requests of a few hits until *stop* is set."""

    def __init__(
        self,
        installation: Installation,
        account: Account,
        index: int,
        stop: threading.Event,
        *,
        keeps_connection: bool = True,
    ) -> None:
        self._installation = installation
        self._account = account
        self._index = index
        self._chance = random.Random(index)  # noqa: S311 - the choice of hits is no secret
        self._stop = stop
        self._keeps_connection = keeps_connection
        self._connection: HTTPConnection | None = None
        self._number = 0
        self._messages: list[tuple[str, str]] = []

    def run(self) -> None:
        """Send one request after the other; repeat each until it is acknowledged."""
        try:
            self._send_all()
        finally:
            self._disconnect()

    def _send_all(self) -> None:
        while not self._stop.wait(_PAUSE_S):
            hits = [self._hit() for _ in range(self._chance.randint(1, _MOST_HITS))]
            agent = BOT if self._chance.random() < 0.1 else FIREFOX
            bodies = [_as_bot(hit) for hit in hits] if agent is BOT else hits
            while self._send(bodies, agent) is not Answer.ACKNOWLEDGED:
                self._stop.wait(_TRY_AGAIN_S)
                if self._stop.is_set() and not self._installation.is_listening():
                    return

    def _hit(self) -> Sent:
        """Return a new hit, or a repetition of one that was acknowledged."""
        draw = self._chance.random()
        if self._messages and draw < 0.1:
            return Sent(*self._chance.choice(self._messages))
        self._number += 1
        site = self._chance.choice(["shop", "blog"])
        message = f"client-{self._index}/{self._number}"
        if draw > 0.95:
            return Sent(site, message, "foreign_origin")
        if draw > 0.9:
            return Sent(site, message, "bad_name")
        self._messages.append((site, message))
        return Sent(site, message)

    def _send(self, hits: list[Sent], agent: str) -> Answer:
        answer = self._post(json.dumps([_body(hit) for hit in hits]), agent)
        self._account.record(hits, answer)
        return answer

    def _post(self, body: str, agent: str) -> Answer:
        headers = {"User-Agent": agent, "X-Forwarded-For": self._address()}
        if self._connection is None:
            self._connection = self._installation.connect(_ANSWER_S)
            try:
                self._connection.connect()
            except OSError:
                self._disconnect()
                return Answer.REFUSED
        try:
            self._connection.request("POST", "/v1/events", body, headers)
            response = self._connection.getresponse()
            response.read()
        except (OSError, HTTPException):
            self._disconnect()
            return Answer.NONE
        if not self._keeps_connection:
            self._disconnect()
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return Answer.REFUSED
        assert response.status == HTTPStatus.ACCEPTED
        return Answer.ACKNOWLEDGED

    def _address(self) -> str:
        """Return an address, and a new one before its visitor becomes suspect."""
        address = f"2001:db8:{self._index:x}:{self._number // _BUSY:x}::1"
        self._account.addresses.add(address)
        return address

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _as_bot(hit: Sent) -> Sent:
    # The proxy checks the name before the User-Agent, and the page after it.
    return hit if hit.fate == "bad_name" else hit._replace(fate="bot")


def _body(hit: Sent) -> dict[str, object]:
    host = "foreign.example" if hit.fate == "foreign_origin" else f"{hit.site}.example"
    name = "no name!" if hit.fate == "bad_name" else "pageview"
    return {
        "site": hit.site,
        "name": name,
        "id": hit.message,
        "url": f"https://{host}/page/{len(hit.message)}",
    }


@contextmanager
def load(
    installation: Installation, clients: int, *, connecting: int = 0
) -> Iterator[Account]:
    """Send from *clients* threads while the block runs; yield the account.

    *connecting* more clients open a new connection for each request.
    """
    account, stop = Account(), threading.Event()
    senders = [
        Sender(installation, account, index, stop, keeps_connection=index < clients)
        for index in range(clients + connecting)
    ]
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        yield account
    finally:
        stop.set()
        for thread in threads:
            thread.join()

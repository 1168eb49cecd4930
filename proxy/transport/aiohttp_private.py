"""Everything of aiohttp's that we use and that aiohttp does not document.

``connection.py`` answers before the framework does, and ``server.py`` counts its
connections; both need names that any release may change. They are listed here and
nowhere else, and a test says which of them is gone after an upgrade.
"""

from collections.abc import Mapping

# Change it after an upgrade: read aiohttp/web_protocol.py again, run the tests of
# this package, then name the version here.
CHECKED_WITH = "3.14.5"

# Attributes of aiohttp.web_protocol.RequestHandler, and what each is used for.
CONNECTION: Mapping[str, str] = {
    "_handler_waiter": "wake a shutdown that waits for our answer",
    "_keepalive_timeout": "how long the connection may be idle after our answer",
    "_loop": "timers for headers and for answers that are not read",
    "_manager": "None once the connection was refused",
    "_messages": "requests that wait: ours may not overtake them",
    "_next_keepalive_close_time": "begin the idle time anew after our answer",
    "_parser": "put our own step before the parser",
    "_pause_transport_reading": "stop a client that sends too far ahead",
    "_paused": "the client does not read its answers",
    "_process_keepalive": "not close while our answer waits for the disk",
    "_reading_paused": "resume reading only where it was paused",
    "_request_in_progress": "a shutdown waits for our answer",
    "_resume_transport_reading": "read on after our answer",
    "_waiter": "the framework waits for a request: nothing else is going on",
}

# Attributes of the parser in ``_parser``, whose place our step takes.
PARSER: Mapping[str, str] = {
    "feed_data": "parse what came",
    "feed_eof": "the client has ended",
    "message_consumed": "a request has been answered",
    "pause_reading": "stop parsing",
    "set_upgraded": "the connection changes its protocol",
}

# Attributes of aiohttp.web.Server.
SERVER: Mapping[str, str] = {
    "_connections": "count the connections, to refuse those above the limit",
}

"""The undocumented aiohttp attributes that the proxy uses.

``connection.py`` answers requests before aiohttp does, and ``server.py`` counts its
connections. Both need attributes that any aiohttp release may change. They are listed
here only, and a test names those that are missing after an upgrade.
"""

from collections.abc import Mapping

# After an upgrade of aiohttp: read aiohttp/web_protocol.py again, run the tests of
# this package, then write the new version here.
CHECKED_WITH = "3.14.5"

# Attributes of aiohttp.web_protocol.RequestHandler, and what each is used for.
CONNECTION: Mapping[str, str] = {
    "_handler_waiter": "wake a shutdown that waits for our response",
    "_keepalive_timeout": "how long the connection may be idle after our response",
    "_loop": "timers for headers and for responses the client does not read",
    "_manager": "None once the connection was refused",
    "_messages": "waiting requests, which our response must not overtake",
    "_next_keepalive_close_time": "restart the idle time after our response",
    "_parser": "put our own step before the parser",
    "_pause_transport_reading": "stop a client that sends too far ahead",
    "_paused": "the client does not read its responses",
    "_process_keepalive": "keep the connection while our response waits for the disk",
    "_reading_paused": "resume reading only if it was paused",
    "_request_in_progress": "a shutdown waits for our response",
    "_resume_transport_reading": "read on after our response",
    "_waiter": "aiohttp waits for a request, so nothing else is in progress",
}

# Attributes of the parser in ``_parser``, which our own step replaces.
PARSER: Mapping[str, str] = {
    "feed_data": "parse the bytes that arrived",
    "feed_eof": "the client has closed its side",
    "message_consumed": "a request has been answered",
    "pause_reading": "stop parsing",
    "set_upgraded": "the connection changes its protocol",
}

# Attributes of aiohttp.web.Server.
SERVER: Mapping[str, str] = {
    "_connections": "count the connections, to refuse those above the limit",
}

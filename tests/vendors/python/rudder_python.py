"""The visit, told to rudder-sdk-python."""

from calls import send_to
from rudderstack import analytics
from visit import TOLD

analytics.write_key = TOLD["key"]
analytics.dataPlaneUrl = TOLD["host"]
analytics.gzip = TOLD["options"].get("gzip", True)
send_to(analytics)

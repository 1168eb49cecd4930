"""Sends the visit with rudder-sdk-python."""

from calls import send_to
from rudderstack import analytics
from visit import VISIT

analytics.write_key = VISIT["key"]
analytics.dataPlaneUrl = VISIT["host"]
analytics.gzip = VISIT["options"].get("gzip", True)
send_to(analytics)

"""Sends the visit with segment-analytics-python."""

from calls import send_to
from segment import analytics
from visit import VISIT

analytics.write_key = VISIT["key"]
analytics.host = VISIT["host"]
analytics.gzip = VISIT["options"].get("gzip", False)
send_to(analytics)

"""The visit, told to segment-analytics-python."""

from calls import send_to
from segment import analytics
from visit import TOLD

analytics.write_key = TOLD["key"]
analytics.host = TOLD["host"]
analytics.gzip = TOLD["options"].get("gzip", False)
send_to(analytics)

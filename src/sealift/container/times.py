"""Times as docker's JSON has them."""

import time

NEVER = "0001-01-01T00:00:00Z"


def rfc3339(nanoseconds: int, digits: int = 9) -> str:
    """RFC 3339 in UTC, with so many digits of the second's fraction; docker's zero time for 0."""
    if nanoseconds == 0:
        return NEVER
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    fraction = f"{rest:09}"[:digits].rstrip("0") if digits else ""
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"

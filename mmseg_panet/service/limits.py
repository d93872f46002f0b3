"""The limits of a service."""
from typing import NamedTuple


class Limits(NamedTuple):
    """What a service takes at most.

    Attributes:
        upload (int): Bytes of the body of a request.
        requests (int): Number of requests that are read, wait or are
            segmented. Others are told to try again.
        seconds (float): Time in which a body must arrive, and then time in
            which its answer must be ready.
    """

    upload: int = 50_000_000
    requests: int = 16
    seconds: float = 60.0

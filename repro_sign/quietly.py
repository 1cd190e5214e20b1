"""Look at odd certificates without cryptography's warnings of them, in any number of threads."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.RLock()


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence what says nothing to a reader, such as a serial number that is negative.

    Python has one set of filters for all threads: they take turns, so that it stays as it was.
    """
    with _turn, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield

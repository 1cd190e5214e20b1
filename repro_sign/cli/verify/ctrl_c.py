"""Ctrl-C while results come: it ends the work, and never cuts a result that is being printed."""

import inspect
import signal
import threading
from collections.abc import Generator, Iterator
from types import FrameType
from typing import TypeVar

_Result = TypeVar("_Result")


class CtrlC:
    """Lets Ctrl-C take effect while the next result is awaited, and at no other time."""

    def __init__(self) -> None:
        self._awaiting = False
        self._pressed = False

    def during(self, results: Generator[_Result, None, None]) -> Iterator[_Result]:
        """Yield results; on Ctrl-C those that are known already, then raise `KeyboardInterrupt`."""
        if threading.current_thread() is not threading.main_thread():
            yield from results
            return
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            while True:
                try:
                    yield self._next(results)
                except StopIteration:
                    return
        finally:
            signal.signal(signal.SIGINT, before)
            results.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._awaiting:
            raise KeyboardInterrupt
        self._pressed = True

    def _next(self, results: Generator[_Result, None, None]) -> _Result:
        try:
            self._awaiting = True
            if not self._pressed:
                return next(results)
        except KeyboardInterrupt:
            if inspect.getgeneratorstate(results) == inspect.GEN_CLOSED:
                raise
        finally:
            self._awaiting = False
        self._pressed = False
        return results.throw(KeyboardInterrupt())

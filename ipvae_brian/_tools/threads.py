"""Limit the threads of the linear algebra libraries."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_users = 0
_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let products and solutions round as in any other such context.

    Several threads divide the work, and so the sums, otherwise than one. The number of threads
    belongs to the process: the first to come limits it, and the last to leave gives it back.
    """
    global _users, _limit
    with _lock:
        if _users == 0:
            _limit = _libraries().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.restore_original_limits()


@cache
def _libraries():
    # Looking for loaded libraries takes longer than a short run.
    return ThreadpoolController()

"""Threads of the linear algebra libraries."""

from functools import cache

from threadpoolctl import ThreadpoolController


def one_blas_thread():
    """A context in which products and solutions round as in any other such context.

    Several threads divide the work, and so the sums, otherwise than one.
    """
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries():
    # Looking for loaded libraries takes longer than a short run.
    return ThreadpoolController()

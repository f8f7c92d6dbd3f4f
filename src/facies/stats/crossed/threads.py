"""One thread for the linear algebra of a fit, so that its last bit does not depend on the number of cores."""

from __future__ import annotations

from typing import Any


def one_thread() -> Any:
    """Return a context in which BLAS uses one thread; the matrices of a panel are small enough that this is no slower."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")

"""One thread for the linear algebra of a fit, so that its last bit does not depend on the number of cores."""

from __future__ import annotations

from typing import Any


def single_thread() -> Any:
    """Return a context in which BLAS and OpenMP use one thread.

    Sums split among threads are added in another order, which changes the last bits of a coefficient. The matrices of a study are small
    enough that one thread costs little.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def one_blas_thread() -> Any:
    """Return a context in which linear algebra uses one thread; networks keep theirs.

    A stage's many small products wait for each other's threads where another program keeps a core busy: a stage of seven seconds was seen
    to take five minutes.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")

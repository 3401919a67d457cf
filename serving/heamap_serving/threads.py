"""Threads of the linear algebra."""

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """One thread of BLAS while this context lasts, in the whole process.

    Its matrices are small here, and its threads spin for a while after each of them, on cores that onnxruntime's and
    the writer's threads need: with one, a series of 24 tables takes 6 % less time (docs/benchmarks.md).
    """
    return threadpool_limits(limits=1, user_api="blas")

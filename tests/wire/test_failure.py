from __future__ import annotations

import errno

import pytest

from prober.result import Reason
from prober.wire.failure import Failure, OwnFault, failed


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_a_peer_that_cannot_be_reached_is_connect(code: int) -> None:
    failure = failed(OSError(code, ""), "connect to 10.0.0.7:80")

    assert isinstance(failure, Failure)
    assert failure.reason is Reason.CONNECT
    assert str(failure).startswith("connect to 10.0.0.7:80: ")


@pytest.mark.parametrize(
    "code",
    [
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.ENOSPC,
    ],
)
def test_what_we_have_run_out_of_is_our_own_fault(code: int) -> None:
    assert isinstance(failed(OSError(code, ""), "connect", Reason.TLS), OwnFault)


def test_the_kernels_own_patience_is_timeout() -> None:
    failure = failed(TimeoutError(errno.ETIMEDOUT, ""), "receive from x", Reason.PROTOCOL)

    assert isinstance(failure, Failure)
    assert failure.reason is Reason.TIMEOUT


def test_a_reset_is_what_the_moment_makes_of_it() -> None:
    failure = failed(ConnectionResetError(errno.ECONNRESET, ""), "receive from x", Reason.TLS)

    assert isinstance(failure, Failure)
    assert (failure.reason, str(failure)) == (Reason.TLS, "receive from x: connection reset")

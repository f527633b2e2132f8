"""Is the agent of this container well? Ends with 0 where `/-/healthy` answers 200, as HEALTHCHECK wants.

It asks at PROBER_LISTEN; another path (`/-/ready`) may be given.
"""

from __future__ import annotations

import http.client
import os
import sys

EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104 - what a server is told, and a client cannot ask
WITHIN = 4.0  # seconds


def main() -> int:
    path = sys.argv[1] if len(sys.argv) > 1 else "/-/healthy"
    host, _, port = os.environ.get("PROBER_LISTEN", ":9620").rpartition(":")
    host = "localhost" if host in EVERYWHERE else host.strip("[]")
    try:
        asked = http.client.HTTPConnection(host, int(port), timeout=WITHIN)
        asked.request("GET", path)
        status = asked.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer from {host}:{port}{path}: {error}", file=sys.stderr)
        return 1
    if status != 200:
        print(f"{host}:{port}{path} answered {status}", file=sys.stderr)
    return int(status != 200)


if __name__ == "__main__":
    sys.exit(main())

"""How do apprise's services get a message? In a process of their own, by their own threads.

A script that needs nothing of prober: it reads one JSON object on stdin (`urls`,
`title`, `body`, `type`) and says of each URL what came of it, a JSON line each,
as soon as it is known.
"""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

AT_ONCE = 8


def main() -> None:
    import apprise

    told = json.load(sys.stdin)

    def tell(url: str) -> tuple[str, str]:
        service, heard = apprise.Apprise(), [""]
        if not service.add(url):
            return "refused", "not an address that apprise knows"
        took = service.notify(
            body=told["body"],
            title=told["title"],
            notify_type=told["type"],
            log_callback=lambda entry, _: heard.append(entry.message),
            log_level=logging.WARNING,
        )
        return ("accepted", "") if took else ("failed", heard[-1])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {pool.submit(tell, url): at for at, url in enumerate(told["urls"])}
        for one in as_completed(asked):
            outcome, said = one.result()
            print(json.dumps({"at": asked[one], "outcome": outcome, "said": said}), flush=True)


if __name__ == "__main__":
    main()

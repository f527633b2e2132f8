"""`python -m tests.kill.program POINT run …` is an agent that kills itself at that point."""

from __future__ import annotations

import sys

from prober.cli import main
from tests.kill.points import install

if __name__ == "__main__":
    install(sys.argv.pop(1))
    main()

"""What are the files called that a run leaves in its folder?"""

from __future__ import annotations

CONSOLE = "console.txt"
HAR = "network.har"
TRACE = "trace.zip"
RECORDED = "trace"  # the folder where a trace grows, and the name of the files in it
CLEAN = "clean"  # the folder with what may be shown

"""What are the files called that a run leaves in its folder?"""

from __future__ import annotations

CONSOLE = "console.txt"
HAR = "network.har"
TRACE = "trace.zip"
RECORDED = "trace"  # the folder where a trace grows, and the name of the files in it
# The author's own files lie in the same folder, so these are names that nobody gives one.
CLEAN = ".prober-clean"  # the folder with what may be shown
UNPACKED = ".prober-unpacked"  # and that with what was in the trace

"""Is this machine fit to carry the agent? `prober doctor`: one line for each thing looked at."""

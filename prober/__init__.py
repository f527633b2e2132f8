"""Prober: a synthetic and uptime probing agent."""

__version__ = "0.1.0"

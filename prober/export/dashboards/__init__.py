"""Grafana's dashboards for what the agents export."""

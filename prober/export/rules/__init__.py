"""The rules by which Prometheus and Alertmanager join the regions."""

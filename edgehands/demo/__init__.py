"""The demo: broker, service and page, each in its own process, on this machine only."""

"""The demo: a broker, the service and the page, each a process of its own, on this machine only."""

"""The run loop, health and watchdog, statistics."""

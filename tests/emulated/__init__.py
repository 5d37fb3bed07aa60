"""Slow checks in a container with systemd; run by scripts/test --emulated."""

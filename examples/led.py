# ruff: noqa: INP001 - a program of its own
"""A LED on pin 17 shines while an open palm is shown. Ctrl-C ends it.

pip install edgehands gpiozero lgpio
python led.py mqtt://localhost
"""

import sys
import threading

from gpiozero import LED

from edgehands.client import Message, listen

led = LED(17)
shown = {"leftGesture": "none", "rightGesture": "none"}


def switch(message: Message) -> None:
    """A hand shows another gesture."""
    if message.kind in shown:
        shown[message.kind] = message.content
        led.value = "open_palm" in shown.values()


with listen(sys.argv[1] if len(sys.argv) > 1 else "mqtt://localhost", switch):
    threading.Event().wait()

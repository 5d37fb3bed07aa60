# ruff: noqa: INP001, T201 - a program of its own that talks on stdout
"""Play with your hands: height is the modulation wheel, a pinch bends, a fist is a note.

pip install edgehands mido python-rtmidi
python midi.py mqtt://localhost "name of a MIDI output"

Without a name it prints those that there are.
"""

from __future__ import annotations

import sys
import threading

import mido

from edgehands.client import EventMessage, HandMessage, HandsMessage, Message, listen

MODULATION = 1
NOTES = {"left": 48, "right": 60}
THUMB_TIP, INDEX_TIP, WRIST, MIDDLE_ROOT = 4, 8, 0, 9


def distance(hand: HandMessage, a: int, b: int) -> float:
    """Metres between two landmarks."""
    pairs = zip(hand.world[a], hand.world[b], strict=True)
    return float(sum((x - y) ** 2 for x, y in pairs)) ** 0.5


def messages(message: Message) -> list[mido.Message]:
    """What a message of edgehands sounds like."""
    found = []
    if isinstance(message.content, HandsMessage):
        for hand in message.content.hands:
            channel = 0 if hand.handedness == "left" else 1
            height = round(127 * min(max(1 - hand.landmarks[MIDDLE_ROOT][1], 0), 1))
            found.append(
                mido.Message("control_change", channel=channel, control=MODULATION, value=height)
            )
            # Fingers 10 cm apart are no bend, fingers that touch are all of it.
            bend = round(8191 * min(max(1 - distance(hand, THUMB_TIP, INDEX_TIP) / 0.1, 0), 1))
            found.append(mido.Message("pitchwheel", channel=channel, pitch=bend))
    elif isinstance(message.content, EventMessage) and message.content.gesture == "fist":
        on = message.content.event_type == "gesture_started"
        side = str(message.content.handedness)
        found.append(
            mido.Message(
                "note_on" if on else "note_off",
                channel=0 if side == "left" else 1,
                note=NOTES[side],
                velocity=100 if on else 0,
            )
        )
    return found


def main(url: str, name: str) -> None:
    """Play until Ctrl-C."""
    with mido.open_output(name) as output:

        def play(message: Message) -> None:
            for sound in messages(message):
                output.send(sound)

        with listen(url, play, on_broker=lambda line: print(line, file=sys.stderr)):
            threading.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: midi.py URL OUTPUT; outputs:", *mido.get_output_names(), sep="\n  ")
        sys.exit(2)
    main(sys.argv[1], sys.argv[2])

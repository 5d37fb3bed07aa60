"""One connection attempt: opened, used until it ends, with a message about its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edgehands.errors import BrokerError
from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.pauses import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.config import BrokerUrl
    from edgehands.mqtt.broker.session import Session

log = logging.getLogger(__name__)


def attempt(
    session: Session, address: BrokerUrl, use: Callable[[Session], None]
) -> tuple[Ending, str]:
    """Open a session, use it, and close it. Never raises.

    Args:
        session: not opened yet.
        address: of the broker, for messages.
        use: returns when the session has ended or should end.

    Returns:
        How it ended, and the error in one line; empty if the session ended by itself.
    """
    try:
        session.open()
        use(session)
    except BrokerError as error:
        return Ending.AWAY, str(error)
    except (OSError, ValueError) as error:
        return reasons.ending(error), reasons.unreachable(address, error)
    except Exception as error:
        # Malformed bytes from the broker, or a bug of ours: neither may end the thread.
        log.debug("the connection failed", exc_info=True)
        return Ending.CLOSED, f"{address}: the connection failed ({error!r}): reconnecting"
    finally:
        session.abandon()
    if session.refusal:
        return Ending.REFUSED, ""
    return Ending.AWAY if session.silent else Ending.CLOSED, ""

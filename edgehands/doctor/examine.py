"""Runs all checks in order; no secret is shown."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

import edgehands
from edgehands.config import Config
from edgehands.doctor.broker import check_broker, stored_password
from edgehands.doctor.coral import check_coral
from edgehands.doctor.devices import check_camera, check_permissions
from edgehands.doctor.finding import Finding, Report, doubtful, good, worst, wrong_line
from edgehands.doctor.machine import (
    check_clock,
    check_memory,
    check_power,
    check_storage,
    check_temperature,
)
from edgehands.doctor.page import check_page
from edgehands.doctor.software import (
    check_models,
    check_numpy,
    check_packages,
    check_python,
    check_runtime,
)
from edgehands.doctor.system import System
from edgehands.doctor.unit import check_last_crash, check_service
from edgehands.errors import EdgehandsError
from edgehands.mqtt.broker.credentials import password_of
from edgehands.safe_text import REDACTED, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

Check = Callable[[System, Config], tuple[Finding, ...]]
"""A check of one thing; without findings where the thing doesn't exist. Changes nothing."""

CHECKS: tuple[Check, ...] = (
    check_python,
    check_packages,
    check_runtime,
    check_numpy,
    check_models,
    check_clock,
    check_temperature,
    check_power,
    check_memory,
    check_storage,
    check_permissions,
    check_camera,
    check_coral,
    check_broker,
    check_service,
    check_page,
    check_last_crash,
)
"""Prerequisites of others come first."""

_SHORTEST_SECRET = 4
"""Shorter secrets aren't searched for: "a" is in every sentence."""


def examine(
    config: Config | EdgehandsError,
    system: System | None = None,
    checks: Sequence[Check] = CHECKS,
) -> Iterator[Finding]:
    """Run the checks and yield each finding immediately.

    Args:
        config: the configuration in force, or why there is none; then the defaults are used.
        system: the machine; None = this one.
        checks: to run.
    """
    system = system or System()
    if isinstance(config, EdgehandsError):
        yield wrong_line("configuration", str(config), "correct it")
        config = Config()  # replaces it below
    else:
        yield good("configuration", "every setting is known and within its limits")
    with contextlib.suppress(PermissionError):
        config = _with_stored_password(system, config)
    secrets = _secrets(config)
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            found = check(system, config)
        except Exception as error:  # one broken check must not hide the others
            log.debug("%s", name, exc_info=True)
            found = (
                doubtful(
                    name,
                    f"this check itself failed ({type(error).__name__}: {error})",
                    "run it with --debug and report what it prints",
                ),
            )
        for finding in found:
            yield _redacted(finding, secrets)


def report(findings: tuple[Finding, ...]) -> Report:
    """All findings as one value."""
    return Report(version=edgehands.__version__, result=worst(findings), findings=findings)


def _with_stored_password(system: System, config: Config) -> Config:
    """The configuration with the password that systemd would pass to the service."""
    mqtt = config.mqtt
    if mqtt.password is not None or mqtt.password_file or not mqtt.username:
        return config
    mqtt = msgspec.structs.replace(mqtt, password=stored_password(system))
    return msgspec.structs.replace(config, mqtt=mqtt)


def _secrets(config: Config) -> tuple[str, ...]:
    """Texts that must not be shown: the broker's password, and passwords in the camera's URI."""
    found = re.findall(r"://[^/@:]*:(.*)@", config.camera.source)
    try:
        password = password_of(config.mqtt)
    except EdgehandsError:
        password = None
    if password is not None:
        found.append(password.reveal())
    return tuple(text for text in found if len(text) >= _SHORTEST_SECRET)


def _redacted(finding: Finding, secrets: tuple[str, ...]) -> Finding:
    """Final redaction: messages of others (kernel, broker, camera) may quote their input."""
    message, remedy = redact(finding.message), redact(finding.remedy)
    for secret in secrets:
        message, remedy = message.replace(secret, REDACTED), remedy.replace(secret, REDACTED)
    return msgspec.structs.replace(finding, message=message, remedy=remedy)

"""Where the broker's password and our certificates are read from."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.config import Secret, shown_path
from edgehands.errors import BrokerError
from edgehands.files import read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgehands.config import MqttConfig

SYSTEMD_CREDENTIAL = "mqtt-password"
"""Name under which ``LoadCredential=`` passes the password to the service."""

_MAX_PASSWORD_BYTES = 65_535


def password_of(config: MqttConfig, env: Mapping[str, str] | None = None) -> Secret | None:
    """The password from the setting, its file or the systemd credential; None if there is none.

    Read for every connection, so that a corrected file takes effect without a restart.

    Raises:
        BrokerError: The file can't be read or holds no password.
    """
    if config.password is not None:
        return config.password
    if config.password_file:
        return _read(Path(config.password_file), "mqtt.password_file")
    folder = (os.environ if env is None else env).get("CREDENTIALS_DIRECTORY")
    if folder and (Path(folder) / SYSTEMD_CREDENTIAL).exists():
        return _read(Path(folder) / SYSTEMD_CREDENTIAL, "credential")
    return None


def tls_context(config: MqttConfig) -> ssl.SSLContext:
    """The TLS settings; the broker's certificate and name are checked unless disabled.

    Raises:
        BrokerError: A certificate or key file is missing or damaged.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if config.tls_ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(context.load_verify_locations, "mqtt.tls_ca", config.tls_ca)
    if config.tls_cert:
        _load(context.load_cert_chain, "mqtt.tls_cert", config.tls_cert, config.tls_key or None)
    if not config.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load(load: Callable[..., None], where: str, path: str, *more: str | None) -> None:
    for file in (path, *(name for name in more if name)):
        if not Path(file).is_file():
            raise BrokerError(f'{where}: "{file}" doesn\'t exist: correct the path')
    try:
        load(path, *more)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        raise BrokerError(f'{where} = "{path}" can\'t be used ({reason}): check file') from None


def _read(path: Path, where: str) -> Secret:
    shown = shown_path(str(path))
    try:
        raw = read_bounded(path, _MAX_PASSWORD_BYTES)
        text = raw.decode().split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        raise BrokerError(f'{where} = "{shown}" is not UTF-8 text: save it as UTF-8') from None
    except OSError as error:
        raise BrokerError(
            f'{where} = "{path}" can\'t be read ({error.strerror}): check path and rights'
        ) from None
    if not text or len(raw) > _MAX_PASSWORD_BYTES:
        raise BrokerError(f'{where} = "{shown}" holds no password: write it in the first line')
    return Secret(text)

"""The tables of the configuration file: every setting, its default, its range, its meaning.

The ``Attributes:`` parts of the docstrings are for users: the JSON Schema, the example file and
``docs/configuration.md`` are generated from them.
"""

from __future__ import annotations

import re
import socket
from typing import Annotated, ClassVar, Literal

import msgspec

from edgehands.config.broker_url import BrokerUrl, parse_broker_url
from edgehands.config.gestures import GesturesConfig
from edgehands.config.pose import PoseConfig
from edgehands.config.secret import Secret  # noqa: TC001  (read at run time)
from edgehands.config.values import Section
from edgehands.errors import ConfigError

_LEVEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class NodeConfig(Section, frozen=True, kw_only=True):
    """The identity of this device.

    Attributes:
        name: the level of every topic that names this device; empty = the host name. Letters,
            digits, ``_``, ``-`` and ``.``, at most 64.
    """

    table: ClassVar[str] = "node"
    name: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name:
            msgspec.structs.force_setattr(self, "name", _host_name())
        check_topic_level("node.name", self.name)


class CameraSettings(Section, frozen=True, kw_only=True):
    """What to request from a source. If a device can't do it, it does what it can, which is logged.

    Attributes:
        width, height: picture size requested from a camera, pixels, before ``rotation``. Files and
            folders keep their own size.
        fps: frames a second requested from a camera, the pace of a folder in a live run, and the
            rate of a film that doesn't state its own (raw H.264, raw MJPEG).
        rotation: clockwise rotation of the picture, degrees: 0, 90, 180 or 270.
        mirrored: flip the picture left to right (after the rotation) before anything else. It
            corrects a device that delivers a mirror image; for a selfie view, set
            ``tracking.mirrored`` as well, so that left and right hands keep their names.
        autofocus: ``continuous``, ``off``, or ``default`` to leave the device as it is.
        lens_position: focus with ``autofocus = "off"``, in the device's own unit (dioptres on a
            Camera Module 3, 0 = far away); -1 leaves it unchanged.
        exposure_us: exposure time in microseconds; 0 = automatic.
        gain: analogue gain (picamera2 only); 0 = automatic.
        lores: picamera2 only: take frames of this size from the low-resolution stream (YUV420),
            scaled by the camera hardware from the full field of view; see ``docs/cameras.md``.
        loop: restart a file or folder at its end (live runs only).
        image_seconds: how long each image of a folder is shown in a live run.
        transport: ``tcp`` or ``udp`` for ``rtsp://``. Over UDP a lost packet damages the pictures
            until the next key frame.
        decoder: for streams: ``software``, or ``hardware`` for a Raspberry Pi's hardware decoder,
            if FFmpeg has one for the stream's codec.
        ca_file: file with the certificate that ``https://`` and ``rtsps://`` cameras must present,
            or with the one that signed it; empty = any is accepted, as most cameras sign their own.
    """

    table: ClassVar[str] = "camera"
    width: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 480
    fps: Annotated[float, msgspec.Meta(ge=1, le=240)] = 30.0
    rotation: Literal[0, 90, 180, 270] = 0
    mirrored: bool = False
    autofocus: Literal["default", "continuous", "off"] = "default"
    lens_position: Annotated[float, msgspec.Meta(ge=-1, le=1000)] = -1.0
    exposure_us: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    gain: Annotated[float, msgspec.Meta(ge=0, le=64)] = 0.0
    lores: bool = False
    loop: bool = False
    image_seconds: Annotated[float, msgspec.Meta(ge=0.01, le=3600)] = 1.0
    transport: Literal["tcp", "udp"] = "tcp"
    decoder: Literal["software", "hardware"] = "software"
    ca_file: str = ""


class CameraConfig(CameraSettings, frozen=True, kw_only=True):
    """The source of the frames and their format.

    Attributes:
        source: ``v4l2:/dev/video0``, ``picamera2:0``, ``rtsp://…``, ``http://…``,
            ``file:clip.mp4``, ``dir:images/`` or ``demo:``.
        name: the level of every topic that names this camera. Letters, digits, ``_``, ``-`` and
            ``.``, at most 64.
    """

    source: str = "v4l2:/dev/video0"
    name: str = "main"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_topic_level("camera.name", self.name)
        if not self.source:
            raise ConfigError('camera.source = "" names nothing: write "v4l2:/dev/video0"')


class TrackingConfig(Section, frozen=True, kw_only=True):
    """How hands are detected and tracked (the ``[tracking]`` table of the configuration file).

    Attributes:
        max_hands: hands tracked at once.
        model: ``lite`` (faster) or ``full`` (more accurate), for both the palm and the landmark
            model.
        precision: ``auto`` uses the manifest's default; ``float`` or ``int8`` force one.
        backend: ``auto``, ``cpu``, ``edgetpu`` or ``fake``.
        edgetpu_palm: run palm detection on the Edge TPU too; otherwise on the CPU.
        num_threads: threads of the CPU backend; 0 = by core count.
        static_image: treat every frame on its own: detection on each, no ids kept, no smoothing.
        smoothing: One Euro smoothing of the published landmarks.
        async_detection: run palm detection in its own thread beside the landmark loop.
        mirrored: the picture is a mirror image (a selfie view); swaps left and right.
        palm_score: least score of a palm detection.
        presence: least presence that keeps a track.
    """

    table: ClassVar[str] = "tracking"
    max_hands: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    model: Literal["lite", "full"] = "full"
    precision: Literal["auto", "float", "int8"] = "auto"
    backend: Literal["auto", "cpu", "edgetpu", "fake"] = "auto"
    edgetpu_palm: bool = False
    num_threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    static_image: bool = False
    smoothing: bool = True
    async_detection: bool = False
    mirrored: bool = False
    palm_score: Annotated[float, msgspec.Meta(ge=0.05, le=0.99)] = 0.5
    presence: Annotated[float, msgspec.Meta(ge=0.05, le=0.99)] = 0.5


class MqttConfig(Section, frozen=True, kw_only=True):
    """The broker that everything is published to.

    Attributes:
        url: ``mqtt://host:1883``; ``mqtts://`` for TLS, ``ws://`` or ``wss://`` for a WebSocket.
        username: our user name at the broker; empty = none.
        password: in plain text; ``password_file`` keeps it out of this file.
        password_file: file whose first line is the password. If neither is set, the systemd
            credential ``mqtt-password`` is used if there is one.
        tls_ca: file with the certificates to trust; empty = those of the system.
        tls_cert: file with this device's own certificate, for brokers that require one.
        tls_key: file with the private key of ``tls_cert``.
        tls_verify: check the broker's certificate and name. With ``false``, anybody can pose
            as the broker.
        keepalive: seconds of silence after which the broker is pinged.
        protocol: version of MQTT; ``auto`` tries 5, then 3.1.1.
        prefix: first level of every topic; levels may be joined by ``/``.
    """

    table: ClassVar[str] = "mqtt"
    url: str = "mqtt://localhost:1883"
    username: str = ""
    password: Secret | None = None
    password_file: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_verify: bool = True
    keepalive: Annotated[int, msgspec.Meta(ge=2, le=3600)] = 10
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    prefix: str = "edgehands"

    def __post_init__(self) -> None:
        super().__post_init__()
        for level in self.prefix.split("/"):
            check_topic_level("mqtt.prefix", level)
        address = parse_broker_url(self.url)
        # Credentials move out of the URL, so that the URL can be shown.
        msgspec.structs.force_setattr(self, "url", str(address))
        if address.username and not self.username:
            msgspec.structs.force_setattr(self, "username", address.username)
        if address.password is not None and self.password is None:
            msgspec.structs.force_setattr(self, "password", address.password)
        if self.password is not None and self.password_file:
            raise ConfigError(
                "mqtt.password and mqtt.password_file are both set, one is allowed: remove one"
            )
        if self.tls_key and not self.tls_cert:
            raise ConfigError(
                f'mqtt.tls_key = "{self.tls_key}" has no certificate: set mqtt.tls_cert too'
            )
        if not address.tls and (self.tls_ca or self.tls_cert or not self.tls_verify):
            raise ConfigError(
                f'mqtt.url = "{self.url}" is not TLS, but mqtt.tls_* settings are given: '
                "write mqtts:// or remove them"
            )

    @property
    def address(self) -> BrokerUrl:
        """``url`` parsed."""
        return parse_broker_url(self.url)


class PublishConfig(Section, frozen=True, kw_only=True):
    """How much is published.

    Attributes:
        rate_limit: most ``hands`` messages a second; 0 = one for every processed frame. Events
            and states are always sent.
        min_change: skip frames in which no landmark moved by more than this many palm sizes
            since the last message (still at least one a second); 0 = none.
        compact: send the compact form of ``hands`` as well, on ``hands/bin``.
    """

    table: ClassVar[str] = "publish"
    rate_limit: Annotated[float, msgspec.Meta(ge=0, le=240)] = 0.0
    min_change: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    compact: bool = False


class HomeAssistantConfig(Section, frozen=True, kw_only=True):
    """Home Assistant discovery.

    Attributes:
        discovery: publish the retained document from which Home Assistant creates its entities.
        prefix: Home Assistant's discovery prefix.
    """

    table: ClassVar[str] = "homeassistant"
    discovery: bool = True
    prefix: str = "homeassistant"

    def __post_init__(self) -> None:
        super().__post_init__()
        for level in self.prefix.split("/"):
            check_topic_level("homeassistant.prefix", level)


class PreviewConfig(Section, frozen=True, kw_only=True):
    """Pictures for people. If off, no picture leaves the device.

    Attributes:
        images: answer the request ``snapshot`` with a current picture, and show pictures on this
            machine's page. Whoever may send requests to this node, or open that page, can then see
            what the camera sees. It can be enabled only here, not over MQTT.
        picture_socket: Unix socket over which a page server on this machine gets pictures; empty =
            with ``images``, ``pictures.sock`` in the service's runtime directory, otherwise none.
        url: address under which people reach the live page, such as ``http://kitchen.local:8765``;
            Home Assistant links to it. Empty = that of the package's own page service if it is
            installed, otherwise none.
    """

    table: ClassVar[str] = "preview"
    images: bool = False
    picture_socket: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.url and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", self.url):
            raise ConfigError(
                f'preview.url = "{self.url}" is no page\'s address: write for example '
                '"http://kitchen.local:8765"'
            )


class ServiceConfig(Section, frozen=True, kw_only=True):
    """How the service behaves.

    Attributes:
        governor: while the processor is too hot or short of power, process fewer frames in steps
            (down to a quarter), instead of being slowed down by it.
    """

    table: ClassVar[str] = "service"
    governor: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration file.

    Attributes:
        node: the identity of this device.
        camera: the source of the frames and their format.
        tracking: how hands are detected and tracked.
        gestures: how hands are interpreted.
        pose: the hand's position in space.
        mqtt: the broker that everything is published to.
        publish: how much is published.
        homeassistant: Home Assistant discovery.
        preview: pictures for people.
        service: how the service behaves.
    """

    node: NodeConfig = msgspec.field(default_factory=NodeConfig)
    camera: CameraConfig = msgspec.field(default_factory=CameraConfig)
    tracking: TrackingConfig = msgspec.field(default_factory=TrackingConfig)
    gestures: GesturesConfig = msgspec.field(default_factory=GesturesConfig)
    pose: PoseConfig = msgspec.field(default_factory=PoseConfig)
    mqtt: MqttConfig = msgspec.field(default_factory=MqttConfig)
    publish: PublishConfig = msgspec.field(default_factory=PublishConfig)
    homeassistant: HomeAssistantConfig = msgspec.field(default_factory=HomeAssistantConfig)
    preview: PreviewConfig = msgspec.field(default_factory=PreviewConfig)
    service: ServiceConfig = msgspec.field(default_factory=ServiceConfig)


SECTIONS: dict[str, type[Section]] = {
    "node": NodeConfig,
    "camera": CameraConfig,
    "tracking": TrackingConfig,
    "gestures": GesturesConfig,
    "pose": PoseConfig,
    "mqtt": MqttConfig,
    "publish": PublishConfig,
    "homeassistant": HomeAssistantConfig,
    "preview": PreviewConfig,
    "service": ServiceConfig,
}


def check_topic_level(where: str, level: str) -> None:
    """Raise :class:`ConfigError` unless ``level`` may be one level of a topic."""
    if not _LEVEL.fullmatch(level):
        raise ConfigError(
            f'{where} = "{level}" can\'t be part of a topic: use 1 to 64 letters, digits, '
            '"_", "-" or "."'
        )


def _host_name() -> str:
    """The host name's first label, with characters not allowed in topics replaced."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().split(".")[0])[:64] or "edgehands"

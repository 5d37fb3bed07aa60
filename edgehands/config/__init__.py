"""The configuration as types: load, merge, validate, explain.

The only place where a configuration file or an ``EDGEHANDS_…`` variable is read.
"""

from __future__ import annotations

from edgehands.config.broker_url import BrokerUrl, parse_broker_url
from edgehands.config.explain import digest, explain, redacted
from edgehands.config.gestures import GesturesConfig
from edgehands.config.load import DEFAULT_PATHS, Loaded, load, load_with_origins, paths_for
from edgehands.config.persist import save_settings, state_file
from edgehands.config.pose import PoseConfig
from edgehands.config.running import RunningSettings
from edgehands.config.secret import Secret
from edgehands.config.sections import (
    SECTIONS,
    CameraConfig,
    CameraSettings,
    Config,
    HomeAssistantConfig,
    MqttConfig,
    NodeConfig,
    PreviewConfig,
    PublishConfig,
    ServiceConfig,
    TrackingConfig,
    check_topic_level,
)
from edgehands.config.values import check_range, shown_path

__all__ = [
    "DEFAULT_PATHS",
    "SECTIONS",
    "BrokerUrl",
    "CameraConfig",
    "CameraSettings",
    "Config",
    "GesturesConfig",
    "HomeAssistantConfig",
    "Loaded",
    "MqttConfig",
    "NodeConfig",
    "PoseConfig",
    "PreviewConfig",
    "PublishConfig",
    "RunningSettings",
    "Secret",
    "ServiceConfig",
    "TrackingConfig",
    "check_range",
    "check_topic_level",
    "digest",
    "explain",
    "load",
    "load_with_origins",
    "parse_broker_url",
    "paths_for",
    "redacted",
    "save_settings",
    "shown_path",
    "state_file",
]

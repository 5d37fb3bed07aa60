"""Publishing hands and answering requests over MQTT."""

#!/bin/sh
# Say when somebody shows a hand to any camera. Needs mosquitto-clients; usage: presence.sh HOST [PORT]
exec mosquitto_sub -h "${1:-localhost}" -p "${2:-1883}" -t 'edgehands/+/camera/+/presence' -F '%t %p'

#!/bin/sh
# Runs on the Raspberry Pi at each boot, as root, while it lies on the card: puts a broker, mosquitto,
# on the Pi itself. Its packages come from the card, else from the network; the passwords are made
# here and stand in edgehands-info.txt on the card. Says no secret.
here=$(cd "$(dirname "$0")" && pwd)
root=${EDGEHANDS_ROOT:-}
PATH="$PATH:/usr/sbin:/sbin"
say() {
    echo "edgehands: $*"
    { echo "edgehands: $*" >/dev/console; } 2>/dev/null || true
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive

if ! command -v mosquitto >/dev/null && ls "$here"/mosquitto/*.deb >/dev/null 2>&1; then
    say "installing the broker from the card"
    if ! dpkg --force-confold -i "$here"/mosquitto/*.deb >"$log" 2>&1; then
        say "the broker on the card can't be installed: $(tail -n 1 "$log")"
    fi
fi
if ! command -v mosquitto >/dev/null; then
    say "installing the broker from the network"
    if ! { apt-get -q update && apt-get -q install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 mosquitto; } >"$log" 2>&1; then
        say "no broker yet: the Pi has no internet. Connect it, it is tried again every 5 minutes;" \
            "or name a broker of yours in edgehands.toml on the card"
        exit 1
    fi
fi

changed=$("$root/usr/lib/edgehands/venv/bin/python" -I -m edgehands.service.own_broker) || exit 1
if [ -n "$changed" ]; then
    systemctl enable --quiet mosquitto.service
    systemctl restart mosquitto.service
    # It writes edgehands-info.txt.
    systemctl restart edgehands-settings.service || true
    systemctl --no-block try-restart edgehands.service edgehands-page.service
    say "the broker is ready, its passwords are in edgehands-info.txt on the card"
fi

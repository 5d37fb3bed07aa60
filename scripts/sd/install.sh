#!/bin/sh
# Runs on the Raspberry Pi at its first boot, as root: installs the package that lies beside this
# file. No network is needed. Runs again without harm; says what it did in install.log beside it.
here=$(cd "$(dirname "$0")" && pwd)
say() {
    echo "edgehands: $*"
    echo "edgehands: $*" >/dev/console 2>/dev/null || true
}

# Two ways may call it in one boot.
exec 9>/run/edgehands-install.lock
flock 9

# Where somebody wants the broker on the Pi: at this boot and, with a new name of the node, later.
set_up_broker() {
    [ -f "$here/broker.sh" ] || return 0
    cat >"${EDGEHANDS_ROOT:-}/etc/systemd/system/edgehands-broker.service" <<'UNIT'
[Unit]
Description=edgehands: a broker on this device
Wants=network-online.target
After=network-online.target
RequiresMountsFor=/boot/firmware
ConditionPathExists=/boot/firmware/edgehands/broker.sh

[Service]
Type=oneshot
ExecStart=/bin/sh /boot/firmware/edgehands/broker.sh
TimeoutStartSec=1800
Restart=on-failure
RestartSec=300
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl --quiet enable edgehands-broker.service
    # Not waited for: a Pi without a network tracks hands all the same.
    systemctl --no-block start edgehands-broker.service
}

package=$(ls "$here"/edgehands_*.deb 2>/dev/null | tail -n 1)
if [ -z "$package" ]; then
    say "no package in $here: nothing to install"
    exit 1
fi
wanted=$(dpkg-deb -f "$package" Version)
if [ "$(dpkg-query -W -f '${db:Status-Status} ${Version}' edgehands 2>/dev/null)" = "installed $wanted" ]; then
    set_up_broker
    exit 0
fi
say "installing $wanted, this takes some minutes"
log=$(mktemp)
if dpkg --force-confold -i "$package" >"$log" 2>&1; then
    result=0
    say "installed; its settings are in edgehands.toml on the card"
else
    result=1
    say "could not be installed, see edgehands/install.log on the card: $(tail -n 1 "$log")"
fi

# Two devices must not have one name, and every fresh card calls its device raspberrypi: propose
# another one, with the last four digits of the serial number, where nobody chose one.
name_the_node() {
    settings=${EDGEHANDS_SETTINGS:-$here/../edgehands.toml}
    serial=$(tr -d '\000' <"${EDGEHANDS_SERIAL:-/proc/device-tree/serial-number}" 2>/dev/null)
    digits=$(printf %s "$serial" | tail -c 4)
    if [ "$(hostname)" != raspberrypi ] || [ ${#digits} -ne 4 ] || [ ! -f "$settings" ]; then
        return
    fi
    case $digits in *[!0-9a-f]*) return ;; esac
    # In [node] only: a camera has a name too.
    if awk '/^[[:space:]]*\[/ { node = /^[[:space:]]*\[node\]/ }
            node && /^[[:space:]]*name[[:space:]]*=/ { found = 1 } END { exit !found }' "$settings"; then
        return
    fi
    line="name = \"pi-$digits\"  # proposed at the first boot, by the serial number: change it freely"
    if grep -q '^[[:space:]]*\[node\]' "$settings"; then
        awk -v line="$line" '{ print } /^[[:space:]]*\[node\]/ && !done { print line; done = 1 }' \
            "$settings" >"$log.toml"
    else
        { cat "$settings" && printf '\n[node]\n%s\n' "$line"; } >"$log.toml"
    fi
    cat "$log.toml" >"$settings" && say "this device is called pi-$digits, see edgehands.toml on the card"
    rm -f "$log.toml"
}
name_the_node

cp "$log" "$here/install.log" 2>/dev/null || true
rm -f "$log"
[ $result -ne 0 ] || set_up_broker
sync
exit $result

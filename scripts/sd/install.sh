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

package=$(ls "$here"/edgehands_*.deb 2>/dev/null | tail -n 1)
if [ -z "$package" ]; then
    say "no package in $here: nothing to install"
    exit 1
fi
wanted=$(dpkg-deb -f "$package" Version)
if [ "$(dpkg-query -W -f '${db:Status-Status} ${Version}' edgehands 2>/dev/null)" = "installed $wanted" ]; then
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
cp "$log" "$here/install.log" 2>/dev/null || true
rm -f "$log"
sync
exit $result

#!/bin/sh
# Raspberry Pi OS Bookworm runs this once, before its first real boot (systemd.run= in cmdline.txt),
# when the card's partition has not grown yet. So nothing big is installed here: a unit is left that
# does it in the next boot, and in every one until it has worked.
set +e
boot=/boot/firmware
cat >/etc/systemd/system/edgehands-install.service <<'UNIT'
[Unit]
Description=edgehands: install from the card
After=local-fs.target resize2fs_once.service systemd-growfs-root.service
RequiresMountsFor=/boot/firmware
ConditionPathExists=/boot/firmware/edgehands/install.sh

[Service]
Type=oneshot
ExecStart=/bin/sh /boot/firmware/edgehands/install.sh
ExecStartPost=/bin/systemctl disable edgehands-install.service
TimeoutStartSec=1800
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
UNIT
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf ../edgehands-install.service /etc/systemd/system/multi-user.target.wants/edgehands-install.service
sed -i -e 's| systemd\.run[^ ]*||g' -e 's| systemd\.unit=kernel-command-line\.target||g' \
    "$boot/cmdline.txt"
exit 0

#!/bin/sh
# Makes what the service needs: its user, the user's groups, its folder of configuration, and in it the configuration that comes on
# standard input, where there is none yet. Run as root by the Debian package and by "sunwire service install"; once more does no harm.
set -eu

if ! getent passwd sunwire >/dev/null; then
  useradd --system --user-group --no-create-home --home-dir /var/lib/sunwire --shell /usr/sbin/nologin --comment sunwire sunwire
  echo "sunwire: made the user sunwire, which has no password and no shell"
fi

# Serial ports and USB have their groups everywhere; bluetooth, where it exists, may speak to BlueZ. i2c comes with a package that nothing else here needs: the udev rule needs it.
getent group i2c >/dev/null || groupadd --system i2c
for group in dialout plugdev i2c gpio bluetooth; do
  if getent group "$group" >/dev/null; then
    usermod --append --groups "$group" sunwire
  fi
done

# The page adds devices to the configuration, so its folder is sunwire's own. Passwords are in there: nobody else reads it.
if ! [ -d /etc/sunwire ]; then
  install -d -o sunwire -g sunwire -m 0750 /etc/sunwire
fi
if ! [ -e /etc/sunwire/sunwire.yaml ]; then
  umask 027
  cat >/etc/sunwire/sunwire.yaml
  chown sunwire:sunwire /etc/sunwire/sunwire.yaml
  echo "sunwire: made /etc/sunwire/sunwire.yaml, without any device yet"
fi

# Devices that are plugged in already get their group now.
if [ -S /run/udev/control ]; then
  udevadm control --reload || true
  udevadm trigger --subsystem-match=hidraw --subsystem-match=i2c-dev || true
fi

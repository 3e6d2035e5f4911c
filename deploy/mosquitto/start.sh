#!/bin/sh
# Makes the broker's password file of MQTT_PASSWORD and becomes the broker. The file is made at each start, so that a password that was
# changed in .env counts at once; it is hashed, and lies in memory. The password goes through a pipe, because everybody may read the
# arguments of a process, and because mosquitto_passwd -U would cut it off at a colon.
set -eu
[ -n "${MQTT_PASSWORD-}" ] || { echo "MQTT_PASSWORD is empty: set it in .env" >&2; exit 1; }
umask 077
printf '%s\n%s\n' "$MQTT_PASSWORD" "$MQTT_PASSWORD" | mosquitto_passwd -c /tmp/passwords sunwire >/dev/null
unset MQTT_PASSWORD
exec mosquitto -c /mosquitto/config/mosquitto.conf

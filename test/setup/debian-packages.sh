#!/bin/sh
# Installs what the tests and the demo talk to for real, where it is missing: a PostgreSQL server, its
# clients, and openssl. Does nothing when all of it is there.
set -eu
missing=''
command -v psql >/dev/null 2>&1 || missing="$missing postgresql-client"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "install these by hand:$missing" >&2; exit 69; }
as_root=''
[ "$(id -u)" = 0 ] || as_root='sudo'
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -qq -y --no-install-recommends $missing

#!/usr/bin/env bash
# Installs what the machine lacks and Debian has: bubblewrap (the sandbox), libseccomp (its filter),
# venv, Node with npm (the tests check digests and bundles in JavaScript and build the editor
# extension), OpenSSL's command (it verifies signatures), and SoftHSM (a hardware key in the tests).
# As an ordinary user, or without apt, it names what is missing and stops.
set -euo pipefail

need=()
command -v bwrap >/dev/null || need+=(bubblewrap)
{ ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q 'libseccomp\.so\.2' || need+=(libseccomp2)
"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || need+=(python3-venv)
command -v node >/dev/null || need+=(nodejs)
command -v npm >/dev/null || need+=(npm)
command -v openssl >/dev/null || need+=(openssl)
command -v softhsm2-util >/dev/null || need+=(softhsm2)
command -v unshare >/dev/null || need+=(util-linux)
[ "${#need[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing on this machine: ${need[*]}; install them (Debian: sudo apt-get install ${need[*]})" >&2
  exit 6
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${need[@]}"

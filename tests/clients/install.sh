#!/usr/bin/env bash
# Installs the stock clients that tests/clients drives. For a machine of one's own, as root: Debian and apt.
set -euo pipefail

need=()
command -v go >/dev/null || need+=(golang-go)
command -v git >/dev/null || need+=(git)
command -v curl >/dev/null || need+=(curl)
command -v python3 >/dev/null || need+=(python3 python3-venv)

if [ "${#need[@]}" -gt 0 ]; then
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${need[@]}"
fi

go version

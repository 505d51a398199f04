#!/usr/bin/env bash
# Installs the stock clients that tests/clients drives. For a machine of one's own, as root: Debian and apt.
# No service is started by it. oras, helm and the OCI conformance suites are built into .cache/bin beside this file, and
# what Maven's builds need from outside is fetched into .cache/maven (MXART_CLIENT_CACHE: elsewhere).
set -euo pipefail
cd "$(dirname "$0")"

need=()
command -v go >/dev/null || need+=(golang-go)
command -v git >/dev/null || need+=(git)
command -v curl >/dev/null || need+=(curl)
command -v python3 >/dev/null || need+=(python3 python3-venv)
command -v dockerd >/dev/null || need+=(docker.io)
command -v containerd >/dev/null || need+=(containerd)
command -v runc >/dev/null || need+=(runc)
command -v podman >/dev/null || need+=(podman netavark)
command -v skopeo >/dev/null || need+=(skopeo)
command -v buildah >/dev/null || need+=(buildah)
command -v docker-registry >/dev/null || need+=(docker-registry)
command -v javac >/dev/null || need+=(default-jdk-headless)
command -v mvn >/dev/null || need+=(maven)
command -v gradle >/dev/null || need+=(gradle)

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "$@"
}

if [ "${#need[@]}" -gt 0 ]; then
    policy=/usr/sbin/policy-rc.d # asked by each package that would start its service
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    apt-get update --quiet
    install "${need[@]}"
    command -v docker >/dev/null || install docker-cli # a package of its own since Debian 13
fi

cache="${MXART_CLIENT_CACHE:-$PWD/.cache}/bin"

# build NAME MODULE VERSION [FOLDER]: a command of a Go module, unless it is there in that version
build() {
    if ! go version -m "$cache/$1" 2>/dev/null | grep -Eq "mod[[:space:]]+$2[[:space:]]+$3([[:space:]]|\$)"; then
        GOBIN="$cache" CGO_ENABLED=0 go install -ldflags "-s -w" "$2/cmd/$1@$3"
    fi
}

mkdir -p "$cache"
build oras oras.land/oras v1.3.6
build helm helm.sh/helm/v3 v3.22.0
bash ./install-conformance.sh
bash ./install-maven.sh

go version
dockerd --version
podman --version
mvn --version
gradle --version

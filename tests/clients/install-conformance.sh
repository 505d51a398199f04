#!/usr/bin/env bash
# Builds the conformance suites that tests/clients/test_docker_conformance.py runs. Needs go 1.24 or later, and nothing
# but its modules; what is built already stays.
set -euo pipefail
cd "$(dirname "$0")"

module=github.com/opencontainers/distribution-spec/conformance
first=v0.0.0-20231101194043-f2182352d4cc  # a test binary of ginkgo's
rewritten=v0.0.0-20260831232431-97274622c111  # a program
bin=${MXART_CLIENT_CACHE:-$PWD/.cache}/bin
export GOFLAGS=-buildvcs=false

mkdir -p "$bin"
building=$(mktemp -d "$bin/building.XXXXXX")
trap 'rm -rf "$building"' EXIT

if [ ! -x "$bin/oci-conformance-20231101" ]; then
    source=$(go mod download -json "$module@$first" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    (cd "$source" && go test -c -trimpath -o "$building/suite" .)
    mv "$building/suite" "$bin/oci-conformance-20231101"
fi

if [ ! -x "$bin/oci-conformance-20260831" ]; then
    GOBIN=$building go install -trimpath "$module@$rewritten"
    mv "$building/conformance" "$bin/oci-conformance-20260831"
fi

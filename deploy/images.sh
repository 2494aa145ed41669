#!/bin/sh
# Build the images with docker, podman or buildah, whichever is there and works.
#   REPOSITORY  what the names begin with (localhost/timesheets)
#   TAG         (local)
#   BASE        the base image, with its digest or from a mirror
#   BUILDER     docker, podman or buildah
set -eu
cd "$(dirname "$0")/.."

find_builder() {
    for builder in docker podman buildah; do
        if command -v "$builder" >/dev/null && "$builder" info >/dev/null 2>&1; then
            echo "$builder"
            return
        fi
    done
    echo "Images want docker, podman or buildah; none of them works here." >&2
    return 1
}

builder=${BUILDER:-$(find_builder)}
repository=${REPOSITORY:-localhost/timesheets}
tag=${TAG:-local}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

for service in entries approvals profile portal batch migrate; do
    set -- --build-arg "SERVICE=$service" --build-arg "VERSION=$tag" --build-arg "REVISION=$revision"
    if [ -n "${BASE:-}" ]; then
        set -- "$@" --build-arg "BASE=$BASE"
    fi
    if [ "$builder" != docker ]; then
        set -- "$@" --layers
    fi
    "$builder" build "$@" --tag "$repository/$service:$tag" .
done

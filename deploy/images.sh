#!/bin/sh
# Build the images with docker, podman or buildah, whichever is there and works.
#   REPOSITORY  what the names begin with (localhost/timesheets)
#   TAG         (local)
#   BASE        the base image, with its digest or from a mirror
#   TRACING     not empty: with the packages for OTEL_EXPORTER_OTLP_ENDPOINT
#   OUTPUT      a folder to save the images to, as archives
#   SERVICES    which images (all)
#   OPTIONS     further options of the builder, for example --no-cache
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
# Times are those of the commit, so that two builds of one commit are equal.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || echo 1970-01-01T00:00:00Z)

for service in ${SERVICES:-entries approvals profile portal batch migrate}; do
    set -- --build-arg "SERVICE=$service" --build-arg "VERSION=$tag" --build-arg "REVISION=$revision" \
        --build-arg "CREATED=$created" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
        --build-arg "TRACING=${TRACING:-}"
    if [ -n "${BASE:-}" ]; then
        set -- "$@" --build-arg "BASE=$BASE"
    fi
    if [ "$builder" != docker ]; then
        set -- "$@" --layers --timestamp "$SOURCE_DATE_EPOCH"
    fi
    # shellcheck disable=SC2086 # several options
    "$builder" build ${OPTIONS:-} "$@" --tag "$repository/$service:$tag" .
    if [ -n "${OUTPUT:-}" ]; then
        case $builder in
            buildah) buildah push "$repository/$service:$tag" "docker-archive:$OUTPUT/$service.tar" ;;
            *) "$builder" save --output "$OUTPUT/$service.tar" "$repository/$service:$tag" ;;
        esac
    fi
done

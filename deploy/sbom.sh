#!/bin/sh
# Write an SBOM (CycloneDX) of each list of packages that the images install: deploy/sbom.sh FOLDER
# TRACING as for images.sh: its list is written as well if it is not empty.
set -eu
output=$(realpath "${1:?deploy/sbom.sh FOLDER}")
cd "$(dirname "$0")/.."

for name in services migrate portal batch ${TRACING:+tracing}; do
    cyclonedx-py requirements "requirements/$name.txt" --output-reproducible --of JSON \
        -o "$output/timesheets-$name.cdx.json"
done

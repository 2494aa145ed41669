#!/bin/sh
# Make a release of the commit that is checked out: VERSION=1.2.0 make release
# Needs a clean checkout and a section "## 1.2.0" in CHANGELOG.md. Writes .release/1.2.0: the images, an SBOM
# for each list of packages and a file of checksums. Makes the tag; pushes nothing.
set -eu
cd "$(dirname "$0")/.."
version=${VERSION:?VERSION=1.2.0 make release}
output=.release/$version

echo "$version" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+$' || { echo "VERSION is not like 1.2.0" >&2; exit 2; }
[ -z "$(git status --porcelain)" ] || { echo "There are changes that are not committed." >&2; exit 2; }
grep -Eq "^## \[?$version\b" CHANGELOG.md || { echo "CHANGELOG.md has no section for $version." >&2; exit 2; }
if git rev-parse -q --verify "refs/tags/v$version" >/dev/null; then
    echo "There is a tag v$version already." >&2
    exit 2
fi

mkdir -p "$output"
PATH="$PWD/.deployvenv/bin:$PATH" deploy/sbom.sh "$output"
TAG=$version OUTPUT=$output deploy/images.sh
(cd "$output" && sha256sum -- *.json *.tar >SHA256SUMS)
git tag -a "v$version" -m "Timesheets $version"
echo "Release $version is in $output. To publish: git push origin v$version, and push the images."

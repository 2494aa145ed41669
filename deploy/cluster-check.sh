#!/bin/sh
# Apply the local overlay to a throw-away cluster of kind, wait for it, and replace every pod once.
# Exits with 0 and a sentence where kind, kubectl or a container runtime is missing.
set -eu
cd "$(dirname "$0")/.."
cluster=timesheets-check

for tool in kind kubectl; do
    if ! command -v "$tool" >/dev/null; then
        echo "cluster-check skipped: there is no $tool" >&2
        exit 0
    fi
done
for builder in docker podman; do
    if command -v "$builder" >/dev/null && "$builder" info >/dev/null 2>&1; then
        break
    fi
    builder=
done
if [ -z "$builder" ]; then
    echo "cluster-check skipped: neither docker nor podman works here" >&2
    exit 0
fi

BUILDER=$builder TAG=local deploy/images.sh
[ "$builder" = docker ] || export KIND_EXPERIMENTAL_PROVIDER="$builder"
kind create cluster --name "$cluster" --wait 120s
trap 'kind delete cluster --name "$cluster"' EXIT
archive=$(mktemp)
for service in entries approvals profile portal migrate; do
    "$builder" save --output "$archive" "localhost/timesheets/$service:local"
    kind load image-archive "$archive" --name "$cluster"
done
rm "$archive"

kubectl apply -k deploy/k8s/overlays/local
kubectl apply -k deploy/k8s/overlays/local | grep -v unchanged || true
services="entries approvals profile"
for service in $services; do
    kubectl -n timesheets rollout status "deployment/$service" --timeout=300s
done
for service in $services; do
    kubectl -n timesheets rollout restart "deployment/$service"
    kubectl -n timesheets rollout status "deployment/$service" --timeout=300s
    kubectl -n timesheets exec "deployment/$service" -- python -c \
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/readyz').read())"
done
echo "cluster-check passed"

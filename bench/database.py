"""The database as it is deployed, on this machine: with the parameters of its manifest."""

from __future__ import annotations

from pathlib import Path

import yaml

from bench.programs import ROOT
from dev.postgres import PostgresServer

CLUSTER = ROOT / "deploy" / "k8s" / "components" / "postgres" / "cluster.yaml"
# The program that is here was built without lz4.
IMPOSSIBLE = frozenset({"wal_compression"})


def deployed_postgres(folder: Path, *, durable: bool = True) -> PostgresServer:
    """A server with the deployed parameters, which `with` starts; its data is in `folder`."""
    return PostgresServer(folder / "postgres", durable=durable, settings=parameters())


def parameters() -> dict[str, str]:
    """The parameters of PostgreSQL in the manifest of its cluster."""
    documents = yaml.safe_load_all(CLUSTER.read_text())
    cluster = next(document for document in documents if document["kind"] == "Cluster")
    given = cluster["spec"]["postgresql"]["parameters"]
    return {name: value for name, value in given.items() if name not in IMPOSSIBLE}

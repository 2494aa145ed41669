"""PostgreSQL's custom resources. No package brings their schemas, so the fields are listed here."""

from __future__ import annotations

from tests.deploy.manifests import PROGRAMS, render


def test_each_database_has_its_owner_and_a_role_that_serves_with_its_secret() -> None:
    manifests = render("production")
    cluster = manifests.of("Cluster")["postgres"]
    assert cluster["apiVersion"] == "postgresql.cnpg.io/v1"
    roles = {
        role["name"]: role["passwordSecret"]["name"] for role in cluster["spec"]["managed"]["roles"]
    }
    expected = {f"{name}_owner": f"{name}-owner" for name in PROGRAMS}
    assert roles == expected | {name: f"{name}-database" for name in PROGRAMS}
    for role, secret in roles.items():
        made = manifests.secrets()[secret]
        assert made["username"] == role
        assert made["url"].startswith(f"postgresql://{role}:")
    databases = manifests.of("Database")
    assert sorted(databases) == sorted(PROGRAMS)
    for name, database in databases.items():
        assert database["spec"]["cluster"] == {"name": "postgres"}
        assert (database["spec"]["name"], database["spec"]["owner"]) == (name, f"{name}_owner")
        assert database["spec"]["databaseReclaimPolicy"] == "retain"


def test_what_was_saved_is_on_two_machines_and_in_the_object_store() -> None:
    manifests = render("production")
    spec = manifests.of("Cluster")["postgres"]["spec"]
    assert spec["instances"] == 3
    assert spec["affinity"]["podAntiAffinityType"] == "required"
    assert spec["postgresql"]["synchronous"]["dataDurability"] == "preferred"
    assert spec["postgresql"]["synchronous"]["failoverQuorum"] is True
    [archiver] = [plugin for plugin in spec["plugins"] if plugin["isWALArchiver"]]
    [store] = manifests.of("ObjectStore").values()
    assert archiver["parameters"]["barmanObjectName"] == store["metadata"]["name"]
    [backup] = manifests.of("ScheduledBackup").values()
    assert (backup["spec"]["method"], len(backup["spec"]["schedule"].split())) == ("plugin", 6)
    assert backup["spec"]["cluster"] == {"name": "postgres"}
    assert backup["spec"]["pluginConfiguration"]["name"] == archiver["name"]


def test_services_verify_the_certificate_of_the_database() -> None:
    manifests = render("production")
    for name in PROGRAMS:
        pod = manifests.pods()[name]["spec"]
        for container in [*pod["containers"], *pod["initContainers"]]:
            url = manifests.environment(container)["DATABASE_URL"]
            [mount] = [item for item in container["volumeMounts"] if item["name"] == "postgres-ca"]
            assert f"sslmode=verify-full&sslrootcert={mount['mountPath']}/ca.crt" in url
        [volume] = [item for item in pod["volumes"] if item["name"] == "postgres-ca"]
        assert volume["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]

"""The settings of buildozer: permissions, backup, and requirements that exist for Android."""

from __future__ import annotations

import ast
import configparser
import re
import runpy
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pythonforandroid.build import Context
from pythonforandroid.graph import get_recipe_order_and_bootstrap

import mobile
from mobile.core.settings import PRIVATE_REDIRECT
from mobile.device.android import WORKER
from mobile.tools.stage import stage

FOLDER = Path(mobile.__file__).parent
ROOT = FOLDER.parent

# As python-for-android has them.
RECIPES = {
    *("python3", "kivy", "materialyoucolor", "pillow", "pyjnius", "android", "sqlite3", "openssl"),
    *("libffi", "cffi", "cryptography", "httpx", "pycparser"),
}
# Wheels for any platform, so that pip takes them as they are.
PURE = {
    *("kivymd", "asynckivy", "asyncgui", "filetype", "pyjwt", "httpcore", "h11"),
    *("anyio", "idna", "certifi", "typing_extensions"),
}
# On the desktop alone: the import that needs it is never reached on Android.
DESKTOP = {"keyring"}
MODULES = {"jwt": "pyjwt", "PIL": "pillow", "jnius": "pyjnius"}


@pytest.fixture(scope="module")
def spec() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(FOLDER / "buildozer.spec")
    return parser["app"]


def names(spec: configparser.SectionProxy) -> list[str]:
    return [part.strip().partition("==")[0] for part in spec["requirements"].split(",")]


def test_the_app_asks_for_no_more_than_it_needs(spec: configparser.SectionProxy) -> None:
    permissions = {part.strip() for part in spec["android.permissions"].split(",")}

    assert permissions == {"INTERNET", "POST_NOTIFICATIONS"}
    assert spec["android.allow_backup"] == "False"
    assert int(spec["android.api"]) >= 36
    assert "arm64-v8a" in spec["android.archs"]


def test_the_way_back_from_the_browser_is_declared() -> None:
    text = (FOLDER / "data" / "intent-filters.xml").read_text("utf-8")
    space = "http://schemas.android.com/apk/res/android"
    filters = ElementTree.fromstring(f'<all xmlns:android="{space}">{text}</all>')
    declared = {
        f"{data.get(f'{{{space}}}scheme')}://{data.get(f'{{{space}}}host')}"
        for data in filters.iter("data")
    }

    assert PRIVATE_REDIRECT in declared
    assert any(address.startswith("https://") for address in declared)


def test_back_reaches_the_app_and_nothing_moves_to_another_device(
    spec: configparser.SectionProxy,
) -> None:
    path = spec["android.extra_manifest_application_arguments"].rpartition("mobile/")[2]
    attributes = (FOLDER / path).read_text("utf-8")
    assert 'enableOnBackInvokedCallback="false"' in attributes
    assert 'dataExtractionRules="@xml/data_extraction_rules"' in attributes
    source, _, target = spec["android.add_resources"].partition(":")
    assert target == "xml/data_extraction_rules.xml"
    rules = ElementTree.parse(ROOT / source).getroot()
    for part in ("cloud-backup", "device-transfer"):
        excluded = {each.get("domain") for each in rules.findall(f"{part}/exclude")}
        assert excluded == {"root", "file", "database", "sharedpref", "external"}


def test_the_background_job_is_packaged(spec: configparser.SectionProxy) -> None:
    name, _, entry = spec["services"].partition(":")
    assert (ROOT / entry).exists()
    java = FOLDER / spec["android.add_src"].removeprefix("mobile/")
    package, _, service = spec["android.service_class_name"].rpartition(".")
    base = (java / package.replace(".", "/") / f"{service}.java").read_text("utf-8")
    assert f"class {service} extends PythonService" in base
    worker = (java / package.replace(".", "/") / "SendWorker.java").read_text("utf-8")
    assert f"Service{name}.getDefaultIntent" in worker
    assert "work-runtime" in spec["android.gradle_dependencies"]
    assert f"{package}.SendWorker" == WORKER


def test_everything_that_is_built_with_is_pinned(spec: configparser.SectionProxy) -> None:
    by_recipe = RECIPES - {"kivy", "materialyoucolor"}
    for part in spec["requirements"].split(","):
        name, pinned, _version = part.strip().partition("==")
        assert pinned or name in by_recipe, name
    assert spec["p4a.branch"].startswith("v")


def test_nothing_pretends_to_run_on_ios(spec: configparser.SectionProxy) -> None:
    assert [name for name in spec if name.startswith("ios.")] == []


def test_every_requirement_is_pure_or_has_a_recipe(spec: configparser.SectionProxy) -> None:
    assert set(names(spec)) - RECIPES - PURE == set()


def test_what_the_app_imports_is_required(spec: configparser.SectionProxy) -> None:
    imported = set()
    for path in FOLDER.rglob("*.py"):
        if "tools" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add((node.module or "").partition(".")[0])
    outside = imported - set(sys.stdlib_module_names) - {"mobile"}

    assert {MODULES.get(name, name) for name in outside} - DESKTOP <= set(names(spec))


def test_what_is_pinned_is_what_is_locked(spec: configparser.SectionProxy) -> None:
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements/mobile.txt").read_text(), re.M)
    )
    for part in spec["requirements"].split(","):
        name, pinned, version = part.strip().partition("==")
        if pinned:
            assert locked[name.replace("_", "-")] == version, name


def test_the_build_graph_resolves_for_android(spec: configparser.SectionProxy) -> None:
    context = Context()
    context.archs = [arch for arch in context.archs if arch.arch == "arm64-v8a"]
    order, modules, bootstrap = get_recipe_order_and_bootstrap(context, names(spec), None)

    assert [arch.arch for arch in context.archs] == ["arm64-v8a"]
    assert set(order) >= RECIPES
    assert {name.lower() for name in modules} >= PURE
    assert bootstrap.name == "sdl2"


def test_what_is_staged_runs_from_its_own_folder(tmp_path: Path) -> None:
    stage(tmp_path)

    assert (tmp_path / "buildozer.spec").exists()
    assert (tmp_path / "mobile" / "ui" / "week.kv").exists()
    assert not (tmp_path / "mobile" / "tools").exists()
    assert "run_module" in (tmp_path / "main.py").read_text()
    found = runpy.run_path(str(tmp_path / "mobile" / "__init__.py"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["VERSION"])

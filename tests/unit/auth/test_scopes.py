import pytest

from libs.auth import Scope, granted_scopes

READ = Scope.READ_TIMESHEETS
CREATE = Scope.CREATE_TIMESHEETS
APPROVE = Scope.APPROVE_TIMESHEETS


@pytest.mark.parametrize(
    ("scope", "permissions", "granted"),
    [
        pytest.param("", None, set(), id="nothing grants nothing"),
        pytest.param("read:timesheets", None, {READ}, id="scope alone counts"),
        pytest.param(
            "openid read:timesheets profile create:timesheets",
            None,
            {READ, CREATE},
            id="what is not ours is passed over",
        ),
        pytest.param(
            "read:timesheets approve:timesheets",
            ("read:timesheets", "create:timesheets"),
            {READ},
            id="with permissions it must be in both",
        ),
        pytest.param(
            "read:timesheets", ("approve:timesheets",), set(), id="in one of them is in neither"
        ),
        pytest.param("read:timesheets", (), set(), id="no permission permits nothing"),
        pytest.param(
            "openid email", ("approve:timesheets",), {APPROVE}, id="permissions decide for openid"
        ),
        pytest.param("", ("read:timesheets",), {READ}, id="permissions decide without scope"),
        pytest.param("openid", (), set(), id="none of either grants nothing"),
        pytest.param("", ("admin", "read:*"), set(), id="permissions that are not ours"),
        pytest.param("READ:TIMESHEETS", None, set(), id="case matters"),
        pytest.param("read:timesheetsx xread:timesheets", None, set(), id="whole words only"),
        pytest.param("  read:timesheets ", None, {READ}, id="spaces around do no harm"),
    ],
)
def test_scopes_are_granted_as_the_token_says(
    scope: str, permissions: tuple[str, ...] | None, granted: set[Scope]
) -> None:
    assert granted_scopes(scope, permissions) == granted


def test_the_scopes_are_those_of_the_tenant() -> None:
    assert {scope.value for scope in Scope} == {
        "read:timesheets",
        "create:timesheets",
        "delete:timesheets",
        "approve:timesheets",
        "manage:timesheets",
        "batch:upload",
        "read:reports",
        "read:people",
        "manage:people",
        "read:events",
        "read:audit",
    }

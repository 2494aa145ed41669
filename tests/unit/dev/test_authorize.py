"""/authorize: who may ask, where the answer goes."""

import pytest
from yarl import URL

from dev.issuer.requests import is_registered
from dev.sample_data import PEOPLE
from tests.unit.dev.client import CALLBACK, Client, authorization
from tests.unit.dev.conftest import Clock


async def test_the_page_offers_everybody_and_works_without_scripts_or_other_hosts(
    client: Client,
) -> None:
    page = await client.look()

    text = page.body.decode()
    assert page.status == 200
    assert all(person.name in text for person in PEOPLE)
    assert "<script" not in text
    assert "https://" not in text.replace("https://api.exampleco.com", "")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"


async def test_choosing_somebody_sends_code_and_state_to_the_application(client: Client) -> None:
    answer = await client.sign_in("erin", state="keep & this")

    assert answer.status == 302
    assert answer.location.startswith(f"{CALLBACK}?")
    assert answer.sent_back["state"] == "keep & this"
    assert len(answer.sent_back["code"]) >= 32


async def test_the_page_posts_to_the_requested_address(client: Client) -> None:
    text = (await client.look(state='"><script>alert(1)</script>')).body.decode()

    assert "<script" not in text
    assert 'action="/authorize?response_type=code&amp;client_id=timesheets-app' in text


async def test_cancelling_is_reported_to_the_application(client: Client) -> None:
    answer = await client.post(
        "authorize", {"cancel": "yes"}, params=authorization(), allow_redirects=False
    )

    assert answer.sent_back["error"] == "access_denied"
    assert answer.sent_back["state"] == "a-state"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "unknown"},
        {"client_id": "partner-payroll"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:1/elsewhere"},
    ],
)
async def test_an_unregistered_application_or_address_gets_a_page_and_never_a_redirect(
    client: Client, changed: dict[str, str | None]
) -> None:
    for answer in (await client.look(**changed), await client.sign_in("erin", **changed)):
        assert answer.status == 400
        assert "Location" not in answer.headers
        assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"audience": "https://elsewhere.example"}, "access_denied"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_other_errors_are_reported_to_the_application(
    client: Client, changed: dict[str, str | None], error: str
) -> None:
    answer = await client.look(**changed)

    assert answer.status == 302
    assert answer.location.startswith(f"{CALLBACK}?")
    assert answer.sent_back["error"] == error
    assert answer.sent_back["state"] == "a-state"


async def test_a_parameter_given_twice_is_refused(client: Client) -> None:
    answer = await client.get(
        "authorize", params=[*authorization().items(), ("scope", "openid")], allow_redirects=False
    )

    assert answer.sent_back["error"] == "invalid_request"


async def test_a_signed_in_browser_is_not_prompted_again(client: Client) -> None:
    await client.sign_in("erin")

    assert "code" in (await client.look()).sent_back
    assert "code" in (await client.look(prompt="none")).sent_back


@pytest.mark.parametrize(
    "changed", [{"prompt": "login"}, {"prompt": "select_account"}, {"login_hint": "carl"}]
)
async def test_a_signed_in_browser_is_prompted_at_the_request_of_the_application(
    client: Client, changed: dict[str, str | None]
) -> None:
    await client.sign_in("erin")

    assert (await client.look(**changed)).status == 200


async def test_a_sign_in_older_than_max_age_must_be_repeated(client: Client, clock: Clock) -> None:
    await client.sign_in("erin")
    clock.advance(61)

    assert (await client.look(max_age="60")).status == 200
    assert (await client.look(max_age="61")).status == 302


async def test_signing_out_ends_the_browser_session(client: Client) -> None:
    await client.sign_in("erin")
    [cookie] = client.session.cookie_jar

    answer = await client.get(
        "v2/logout",
        params={"client_id": "timesheets-app", "returnTo": "http://127.0.0.1:53127/signed-out"},
        allow_redirects=False,
    )

    assert answer.location == "http://127.0.0.1:53127/signed-out"
    assert (await client.look()).status == 200
    # Nor does it help to have kept the cookie.
    client.session.cookie_jar.update_cookies({cookie.key: cookie.value}, URL(client.issuer))
    assert (await client.look()).status == 200


async def test_signing_out_without_an_address_says_so_on_a_page(client: Client) -> None:
    answer = await client.get("v2/logout")

    assert answer.status == 200
    assert b"Signed out" in answer.body


async def test_signing_out_never_goes_to_an_unregistered_address(client: Client) -> None:
    answer = await client.get(
        "v2/logout", params={"returnTo": "https://evil.example/"}, allow_redirects=False
    )

    assert answer.status == 400
    assert "Location" not in answer.headers


async def test_a_private_scheme_is_sent_back_to_untouched(client: Client) -> None:
    for address in ("com.exampleco.timesheets://callback", "com.exampleco.timesheets:/callback"):
        answer = await client.sign_in("erin", redirect_uri=address)
        assert answer.location.startswith(f"{address}?code=")


REGISTERED = (
    *("http://127.0.0.1/callback", "http://[::1]/callback"),
    *("app.example:/callback", "http://intranet.example/callback"),
)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "http://[::1]:8080/callback",
        "app.example:/callback",
    ],
)
def test_a_registered_address_is_known_at_any_port_of_the_loopback(address: str) -> None:
    assert is_registered(address, REGISTERED)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://127.0.0.1:8080/callback/",
        "http://127.0.0.1:8080/callback?next=x",
        "http://127.0.0.1:8080/callback#x",
        "http://127.0.0.1:8080/Callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://evil.example:80/callback",
        "http://user@127.0.0.1:80/callback",
        "http://localhost:80/callback",
        "http://intranet.example:80/callback",
        "http://127.0.0.1.evil.example:80/callback",
        "https://127.0.0.1:80/callback",
        "app.example:80/callback",
        "app.example:/callback/../x",
    ],
)
def test_anything_else_is_not(address: str) -> None:
    assert not is_registered(address, REGISTERED)

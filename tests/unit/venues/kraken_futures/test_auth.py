"""Signatures, against vectors computed independently."""

from __future__ import annotations

import json

import pytest

from tests.shared_data import recorded
from tests.unit.venues.kraken_futures.fake_wire import SECRET
from tradingbot.core.errors import ConfigurationError
from tradingbot.venues.kraken_futures.auth import Credentials, Signer

DOC_SECRET = "7zxMEF5p/Z8l2p2U7Ghv6x14Af+Fx+92tPgUdVQ748FOIrEoT9bgT+bTRfXc5pz8na+hL/QdrCVG7bh9KpT0eMTm"
V3 = "/derivatives/api/v3"
ORDER = "orderType=lmt&symbol=PF_XBTUSD&side=buy&size=0.0001&limitPrice=50000&cliOrdId=my-id-1&reduceOnly=false"


@pytest.mark.parametrize(
    ("path", "data", "nonce", "authent"),
    [
        (
            f"{V3}/accounts",
            "",
            "1700000000000",
            "JTYYxznkCAFxb32G4rngnIEw5+qLj22qQ5OP7STP8jSIrbuRtriSbK+76RN+NQKlUMsL7Y59gc7eZclMTGfZiw==",
        ),
        (
            f"{V3}/accounts",
            "",
            "",
            "QBye7cezp0pKjoos3UxEPd8Y4zfzoNG4k2coPuQvof0HlKBQn7RFH8fqt7jPNYVUD32XTYNtlcH/m28djrR8KA==",
        ),
        (
            f"{V3}/fills",
            "lastFillTime=2026-01-01T00%3A00%3A00.000Z",
            "1700000000001",
            "Lj1//7nYXTcvfWodcENVa1FtZnc8LgoU724qnSxxVoxjdgYljpbrqPc84U8BCFIiVwc6TvBQ3pDK5xMcpdrKAg==",
        ),
        (
            f"{V3}/sendorder",
            ORDER,
            "1700000000002",
            "eH7X2LsYOE18uiGvSOvyIDYX+rJDCUzQ0XOGDJ6AED8oCOr5MIxXVVQ63qU52Xa8h2JFcxJ4eA7Qjpxn75+efg==",
        ),
        (
            f"{V3}/leveragepreferences",
            "maxLeverage=10&symbol=PF_XBTUSD",
            "1700000000004",
            "ydppSjJVg6z+sS8wkcH90sco+5YSymRqQi9s8ArVClwo5jZnkR0QEPoKf3MselpsgOkV8DuZ892qzSVl7BQbAg==",
        ),
        (
            "/api/history/v3/executions",
            "count=100&sort=asc",
            "1700000000005",
            "3ReCVjE+z1U6HankqeFkz/FpOFmEl7LwuOSUqoHdKxrL4eUq5vNH0POHh3Qb6CUfLOZN+XUTxYXORXB2SX3OZw==",
        ),
    ],
)
def test_request_signatures(path: str, data: str, nonce: str, authent: str) -> None:
    """With and without nonce, arguments in query and body, trading and history paths."""
    assert Signer(Credentials("key", SECRET)).authent(path, data, nonce) == authent


def test_the_documented_secret() -> None:
    """The vector of the official documentation."""
    signer = Signer(Credentials("key", DOC_SECRET))
    expected = "JHLjN8OUDYaXjHRGT0z4nUvJorORrXoL9omot4BK5ihtp6jKHPHfzX9MrpVjqAgKqGJejoO3gySwoVCMJQlx/Q=="
    assert signer.authent(f"{V3}/orderbook", "symbol=fi_xbtusd_180615", "1415957147987") == expected


@pytest.mark.parametrize(
    ("secret", "signed"),
    [
        (DOC_SECRET, "4JEpF3ix66GA2B+ooK128Ift4XQVtc137N9yeg4Kqsn9PI0Kpzbysl9M1IeCEdjg0zl00wkVqcsnG4bmnlMb3A=="),
        (SECRET, "Z/2B9JBJvBEo7IpcdELQv1DD5CEeJ4COiBQpC0qwpHYDoCj45hz66VsEjvT7cS4IPFhsdAtjmi+YfgoLaF2HrQ=="),
    ],
)
def test_challenge_signatures(secret: str, signed: str) -> None:
    """The official websocket vector, and the same challenge with another secret."""
    assert Signer(Credentials("key", secret)).challenge("c100b894-1729-464d-ace1-52dbce11db42") == signed


def test_secrets_never_show() -> None:
    """Neither half of a key pair is in a repr."""
    credentials = Credentials("my-public-key", SECRET)
    for shown in (repr(credentials), str(credentials), repr(Signer(credentials))):
        assert SECRET not in shown
        assert "my-public-key" not in shown


@pytest.mark.parametrize(("key", "secret", "what"), [("", SECRET, "key is empty"), ("k", "not base64!", "not base64")])
def test_unusable_keys_are_a_configuration_error(key: str, secret: str, what: str) -> None:
    """The message names the setting, not the value."""
    with pytest.raises(ConfigurationError, match=what) as caught:
        Credentials(key, secret)
    assert "not base64!" not in str(caught.value)


@pytest.mark.recorded
def test_all_computed_vectors() -> None:
    """Including batch orders and both encodings of a space."""
    vectors = json.loads(recorded("venues/kraken_futures/auth_test_vectors.json").read_text())
    signer = Signer(Credentials("key", vectors["secret"]))
    assert len(vectors["rest"]) >= 9
    for row in vectors["rest"]:
        assert signer.authent(row["path"], row["data"], row["nonce"]) == row["authent"], row["desc"]

"""Signatures, nonces and challenges are checked as the venue does."""

from __future__ import annotations

import base64

import pytest

from tradingbot.sim_server.auth import Credentials, NonceWindow, sign, sign_text, verified

SECRET = base64.b64encode(bytes(range(64))).decode()
DOC_SECRET = "7zxMEF5p/Z8l2p2U7Ghv6x14Af+Fx+92tPgUdVQ748FOIrEoT9bgT+bTRfXc5pz8na+hL/QdrCVG7bh9KpT0eMTm"

VECTORS = [
    ("", "1700000000000", "/api/v3/accounts",
     "JTYYxznkCAFxb32G4rngnIEw5+qLj22qQ5OP7STP8jSIrbuRtriSbK+76RN+NQKlUMsL7Y59gc7eZclMTGfZiw=="),
    ("", "", "/api/v3/accounts",
     "QBye7cezp0pKjoos3UxEPd8Y4zfzoNG4k2coPuQvof0HlKBQn7RFH8fqt7jPNYVUD32XTYNtlcH/m28djrR8KA=="),
    ("lastFillTime=2026-01-01T00%3A00%3A00.000Z", "1700000000001", "/api/v3/fills",
     "Lj1//7nYXTcvfWodcENVa1FtZnc8LgoU724qnSxxVoxjdgYljpbrqPc84U8BCFIiVwc6TvBQ3pDK5xMcpdrKAg=="),
    ("orderType=lmt&symbol=PF_XBTUSD&side=buy&size=0.0001&limitPrice=50000&cliOrdId=my-id-1&reduceOnly=false",
     "1700000000002", "/api/v3/sendorder",
     "eH7X2LsYOE18uiGvSOvyIDYX+rJDCUzQ0XOGDJ6AED8oCOr5MIxXVVQ63qU52Xa8h2JFcxJ4eA7Qjpxn75+efg=="),
    ("maxLeverage=10&symbol=PF_XBTUSD", "1700000000004", "/api/v3/leveragepreferences",
     "ydppSjJVg6z+sS8wkcH90sco+5YSymRqQi9s8ArVClwo5jZnkR0QEPoKf3MselpsgOkV8DuZ892qzSVl7BQbAg=="),
    ("count=100&sort=asc", "1700000000005", "/api/history/v3/executions",
     "3ReCVjE+z1U6HankqeFkz/FpOFmEl7LwuOSUqoHdKxrL4eUq5vNH0POHh3Qb6CUfLOZN+XUTxYXORXB2SX3OZw=="),
]  # fmt: skip


@pytest.mark.parametrize(("data", "nonce", "path", "expected"), VECTORS)
def test_documented_signatures_are_reproduced(data: str, nonce: str, path: str, expected: str) -> None:
    assert sign(SECRET, data, nonce, path) == expected
    prefixed = path if path.startswith("/api/history") else "/derivatives" + path
    assert verified(Credentials("k", SECRET), "k", expected, data, nonce, prefixed)


def test_a_changed_byte_a_wrong_key_or_no_signature_is_refused() -> None:
    data, nonce, path, authent = VECTORS[3]
    credentials = Credentials("k", SECRET)
    assert not verified(credentials, "k", authent, data + " ", nonce, path)
    assert not verified(credentials, "other", authent, data, nonce, path)
    assert not verified(credentials, "k", "", data, nonce, path)


def test_the_documented_challenge_is_signed() -> None:
    challenge = "c100b894-1729-464d-ace1-52dbce11db42"
    expected = "4JEpF3ix66GA2B+ooK128Ift4XQVtc137N9yeg4Kqsn9PI0Kpzbysl9M1IeCEdjg0zl00wkVqcsnG4bmnlMb3A=="
    assert sign_text(DOC_SECRET, challenge) == expected
    other = "Z/2B9JBJvBEo7IpcdELQv1DD5CEeJ4COiBQpC0qwpHYDoCj45hz66VsEjvT7cS4IPFhsdAtjmi+YfgoLaF2HrQ=="
    assert sign_text(SECRET, challenge) == other


def test_nonces_may_be_missing_and_a_little_out_of_order_but_never_repeated_or_old() -> None:
    window = NonceWindow(tolerance=100)
    assert window.problem("") is None
    assert [window.problem(nonce) for nonce in ("1000", "1002", "1001")] == [None, None, None]
    assert window.problem("1001") == "nonceDuplicate"
    assert window.problem("800") == "nonceBelowThreshold"
    assert window.problem("abc") == "invalidArgument: nonce"


def test_nonces_rise_across_a_restart() -> None:
    assert NonceWindow(highest=5_000_000, tolerance=100).problem("4000000") == "nonceBelowThreshold"

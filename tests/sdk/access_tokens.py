"""Verifies an access token with PyJWT by the published JWKS, and computes a code with pyotp from the otpauth address.

Reads {jwks, token, issuer, audience, now, otpauth_url} from standard input; writes {claims, code}."""

import json
import sys

import jwt
import pyotp

given = json.load(sys.stdin)


def verify(token, **other):
    expected = {"issuer": given["issuer"], "audience": given["audience"], **other}
    key = jwt.PyJWKSet.from_dict(given["jwks"])[jwt.get_unverified_header(token)["kid"]]
    # The test's clock stands still, so the times are compared by hand below.
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "nbf", "iat", "sub"]}
    return jwt.decode(token, key, algorithms=["EdDSA"], options=options, **expected)


def is_refused(token, **other):
    try:
        verify(token, **other)
    except jwt.InvalidTokenError:
        return True
    return False


claims = verify(given["token"])
assert claims["nbf"] <= given["now"] < claims["exp"] <= given["now"] + 3600, claims
assert jwt.get_unverified_header(given["token"])["typ"] == "at+jwt"
head, body, signature = given["token"].split(".")
assert is_refused(given["token"], audience="another")
assert is_refused(given["token"], issuer="https://evil.example")
assert is_refused(".".join([head, body[:-2] + ("AA" if body[-2:] != "AA" else "BB"), signature]))

totp = pyotp.parse_uri(given["otpauth_url"])
json.dump({"claims": claims, "code": totp.at(given["now"])}, sys.stdout)

"""Tokens signed by another algorithm than the one we take, or by none (RFC 8725 2.1)."""

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.security.tokens.recipe import BadToken, Builder, header_text, header_with, unsigned
from tests.support.issuer import Issuer, base64url

Secret = Callable[[rsa.RSAPublicKey], bytes]


def algorithms() -> list[BadToken]:
    return [*_unsecured(), *_misnamed(), *_symmetric(), *_asymmetric()]


def _signed_by(alg: str, sign: Callable[[Issuer, bytes], bytes]) -> Builder:
    """A good token but for its `alg`, signed by that function."""

    def build(issuer: Issuer) -> str:
        head = unsigned(issuer.header(alg=alg), issuer.payload()).removesuffix(".")
        return f"{head}.{base64url(sign(issuer, head.encode()))}"

    return build


def _unsecured() -> list[BadToken]:
    spellings = ("none", "None", "NONE", "nOnE", "none ", "", "RS256")
    return [
        *[
            BadToken(f"alg {alg!r} and no signature", _signed_by(alg, lambda _issuer, _head: b""))
            for alg in spellings
        ],
        BadToken("alg none with a signature", _signed_by("none", lambda _issuer, _: bytes(256))),
        BadToken("alg none under a genuine signature", header_with(alg="none")),
    ]


def _misnamed() -> list[BadToken]:
    """Under a genuine signature."""
    return [
        BadToken("no alg", header_with(alg=None)),
        BadToken("alg is null", header_text('{"alg":null,"typ":"JWT","kid":"KID"}')),
        BadToken("alg is a list", header_with(alg=["RS256"])),
        BadToken("alg is a number", header_with(alg=256)),
        BadToken("alg in lower case", header_with(alg="rs256")),
        BadToken("alg with a space", header_with(alg="RS256 ")),
        BadToken("alg with a NUL", header_with(alg="RS256\0")),
    ]


def _symmetric() -> list[BadToken]:
    """The public key taken for a shared secret."""
    pem = _encoded(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return [
        BadToken("HS256 with the public key in PEM", _hmac(pem)),
        BadToken("HS256 with it in PEM, stripped", _hmac(lambda key: pem(key).strip())),
        BadToken(
            "HS256 with it in the older PEM", _hmac(_encoded(Encoding.PEM, PublicFormat.PKCS1))
        ),
        BadToken(
            "HS256 with it in DER",
            _hmac(_encoded(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        ),
        BadToken(
            "HS256 with it in the older DER", _hmac(_encoded(Encoding.DER, PublicFormat.PKCS1))
        ),
        BadToken("HS256 with its modulus", _hmac(_modulus)),
        BadToken("HS384 with it in PEM", _hmac(pem, alg="HS384", digest="sha384")),
        BadToken("HS512 with it in PEM", _hmac(pem, alg="HS512", digest="sha512")),
        BadToken("HS256 with an empty secret", _hmac(lambda _key: b"")),
        BadToken("HS256 said to be RS256", _hmac(pem, alg="RS256")),
    ]


def _asymmetric() -> list[BadToken]:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    v15 = padding.PKCS1v15()
    return [
        BadToken("RS384 with the right key", _rsa("RS384", v15, hashes.SHA384())),
        BadToken("RS512 with the right key", _rsa("RS512", v15, hashes.SHA512())),
        BadToken("PS256 with the right key", _rsa("PS256", pss, hashes.SHA256())),
        BadToken("PS256 said to be RS256", _rsa("RS256", pss, hashes.SHA256())),
        BadToken("RS512 said to be RS256", _rsa("RS256", v15, hashes.SHA512())),
        BadToken("SHA-224 said to be RS256", _rsa("RS256", v15, hashes.SHA224())),
        BadToken("ES256 with a key of its own", _signed_by("ES256", _ecdsa)),
        BadToken("ES256 with noughts", _signed_by("ES256", lambda _issuer, _head: bytes(64))),
        BadToken("EdDSA with a key of its own", _signed_by("EdDSA", _eddsa)),
    ]


def _encoded(encoding: Encoding, form: PublicFormat) -> Secret:
    return lambda key: key.public_bytes(encoding, form)


def _modulus(key: rsa.RSAPublicKey) -> bytes:
    return key.public_numbers().n.to_bytes(256, "big")


def _hmac(secret: Secret, alg: str = "HS256", digest: str = "sha256") -> Builder:
    return _signed_by(
        alg, lambda issuer, head: hmac.digest(secret(issuer.key.public_key()), head, digest)
    )


def _rsa(alg: str, scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> Builder:
    return _signed_by(alg, lambda issuer, head: issuer.key.sign(head, scheme, digest))


def _ecdsa(_issuer: Issuer, head: bytes) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(head, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _eddsa(_issuer: Issuer, head: bytes) -> bytes:
    return ed25519.Ed25519PrivateKey.generate().sign(head)

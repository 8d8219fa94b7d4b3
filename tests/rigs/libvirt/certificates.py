"""An authority of one day's standing, and certificates for a server and its client."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

USAGES = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL)
        return self.key.private_bytes(*form, serialization.NoEncryption()).decode()


def authority(name: str = "authority") -> Identity:
    key = _key()
    builder = _builder(name, name, key, ca=True, usages={"key_cert_sign", "crl_sign"})
    return Identity(builder.sign(key, hashes.SHA256()), key)


def issued(name: str, by: Identity, *, address: str = "127.0.0.2", expired: bool = False) -> Identity:
    """For a server at that address, and for a client."""
    key = _key()
    issuer = str(by.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    usages = {"digital_signature", "key_encipherment"}
    builder = _builder(name, issuer, key, ca=False, usages=usages, days=-1 if expired else 1)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    return Identity(builder.add_extension(names, critical=False).sign(by.key, hashes.SHA256()), key)


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _builder(
    name: str, issuer: str, key: rsa.RSAPrivateKey, *, ca: bool, usages: set[str], days: int = 1
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(_named(issuer), _named(name), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.add_extension(x509.KeyUsage(**{usage: usage in usages for usage in USAGES}), critical=True)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

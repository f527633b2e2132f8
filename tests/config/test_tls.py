"""TLS files are tried when the config is read: a check would be the second to know."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tests.config.loading import loaded, refused


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, two certificates with their keys, and what is nearly one."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("a", "b"):
        issued = ca.issue_cert(f"{name}.example")
        issued.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.both"))
    key = serialization.load_pem_private_key((folder / "a.key").read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    (folder / "locked.key").write_bytes(locked)
    (folder / "half.pem").write_bytes((folder / "a.pem").read_bytes()[:300])
    (folder / "empty.pem").touch()
    return folder


def config(**tls: str) -> str:
    inner = ", ".join(f"{key}: {name}" for key, name in tls.items())
    return f"checks: [{{name: a, http: {{url: 'https://a.example/', tls: {{{inner}}}}}}}]\n"


@pytest.mark.parametrize(
    "tls",
    [
        {"ca_file": "ca.pem"},
        {"ca_file": "a.pem"},
        {"ca_file": "a.both"},
        {"cert_file": "a.pem", "key_file": "a.key"},
        {"cert_file": "a.both"},
        {"cert_file": "a.both", "key_file": "a.both"},
    ],
)
def test_files_that_load_and_belong_together_are_right(files: Path, tls: dict[str, str]) -> None:
    assert len(loaded(files, config(**tls)).config.checks) == 1


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"ca_file": "a.key"}, "ca_file: 'a.key' has no certificate"),
        ({"ca_file": "half.pem"}, "ca_file: 'half.pem' has no certificate"),
        ({"ca_file": "empty.pem"}, "ca_file: 'empty.pem' has no certificate"),
        (
            {"cert_file": "a.key", "key_file": "a.key"},
            "cert_file: 'a.key' has no certificate that can be read; name a PEM file with one",
        ),
        (
            {"cert_file": "a.pem", "key_file": "b.key"},
            "key_file: 'b.key' is not the key of the certificate in cert_file;"
            " name that certificate's",
        ),
        (
            {"cert_file": "a.pem", "key_file": "a.pem"},
            "key_file: 'a.pem' has no private key that can be read; name a PEM file with one",
        ),
        (
            {"cert_file": "a.pem"},
            "cert_file: 'a.pem' has no private key that can be read; name its key_file",
        ),
        (
            {"cert_file": "a.pem", "key_file": "locked.key"},
            "key_file: 'locked.key' has a key with a passphrase; name one without",
        ),
        ({"cert_file": "a.pem", "key_file": "gone.key"}, "key_file: 'gone.key' does not exist"),
        ({"cert_file": "gone.pem", "key_file": "a.key"}, "cert_file: 'gone.pem' does not exist"),
    ],
)
def test_those_that_do_not_are_a_mistake_each(files: Path, tls: dict[str, str], said: str) -> None:
    (problem,) = refused(files, config(**tls))

    assert problem.startswith(f"config.yaml:1: checks[0].http.tls.{said}")


def test_several_mistakes_are_told_together(files: Path) -> None:
    text = config(ca_file="a.key", cert_file="a.pem", key_file="b.key", colour="red")

    fields = [line.split(": ")[1] for line in refused(files, text)]

    assert sorted(fields) == [
        "checks[0].http.tls",
        "checks[0].http.tls.ca_file",
        "checks[0].http.tls.key_file",
    ]


def test_a_file_that_was_mended_is_read_again(files: Path, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing yet")
    assert len(refused(tmp_path, config(ca_file="ca.pem"))) == 1
    (tmp_path / "ca.pem").write_bytes((files / "ca.pem").read_bytes())

    assert loaded(tmp_path, config(ca_file="ca.pem")).config.checks

"""How does an http module of blackbox_exporter's become ours?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError

from prober.config.blackbox_options import HttpOptions, OAuth2, TlsConfig
from prober.config.desk import Desk
from prober.config.tree import Path
from prober.probes.expect import Expect
from prober.probes.http_file import NamedFile
from prober.probes.http_proxy import HttpProxy, no_proxy
from prober.probes.http_settings import HttpSettings
from prober.probes.http_tls import TlsSettings
from prober.probes.module_rules import UNPACKED, HeaderRule, Rules
from prober.probes.modules import NOWHERE, HttpModule
from prober.probes.texts import TextExpect
from prober.secret import Secret
from prober.wire.failure import OwnFault
from prober.wire.http1 import Lines

# Of a body, where the module sets no limit: blackbox_exporter reads on, but keeps nothing.
UNLIMITED = 64 * 2**20
_REDIRECTS = 10  # as Go follows them
_IP = {("ip6", True): "prefer6", ("ip4", True): "prefer4", ("ip6", False): "6", ("ip4", False): "4"}
_TLS = {"TLS10": "1.0", "TLS11": "1.1", "TLS12": "1.2", "TLS13": "1.3"}
_LEAST_TLS = "1.2"  # as Go has it


def module(desk: Desk, place: Path, options: HttpOptions) -> HttpModule | None:
    """None where it is reported why not."""
    if wrong := _unacceptable(options):
        desk.report.error((*place, "compression"), wrong)
        return None
    if any(file.content is None for file in _files(options)):
        return None  # reported already
    try:
        return _module(options, _settings(options), _proxies(options, desk.env))
    except ValidationError as error:
        desk.report.invalid(error, HttpSettings, (place,))
    except (OwnFault, ValueError) as error:
        desk.report.error(place, str(error))
    return None


def made(options: HttpOptions) -> HttpModule:
    """Of options that are known to be right."""
    return _module(options, _settings(options), {})


def ip(preferred: str, fallback: bool) -> str:
    """`ip:` as our own settings have it."""
    return _IP[preferred, fallback]


def tls(config: TlsConfig) -> dict[str, object]:
    return {
        "ca_file": config.ca_file,
        "cert_file": config.cert_file,
        "key_file": config.key_file,
        "server_name": config.server_name or None,
        "insecure_skip_verify": config.insecure_skip_verify,
        "min_version": _TLS.get(config.min_version or "", _LEAST_TLS),
        "max_version": _TLS.get(config.max_version or ""),
    }


def _module(
    options: HttpOptions, settings: HttpSettings, proxies: Mapping[str, HttpProxy]
) -> HttpModule:
    hosts = [values[0] for name, values in settings.headers.items() if name.lower() == "host"]
    return HttpModule(
        settings=settings,
        rules=_rules(options),
        host=str(hosts[0]) if hosts else None,
        proxies=proxies,
        has_token=bool(_authorization(options)),
    )


def _settings(options: HttpOptions) -> HttpSettings:
    """Raises OwnFault where a file of a secret is no text."""
    follows = options.follow_redirects and not options.no_follow_redirects
    headers = {**options.headers, **_coding(options), **_authorization(options)}
    raw = {
        "url": f"http://{NOWHERE}",
        "method": options.method,
        "headers": headers,
        "auth": _auth(options),
        "body": options.body,
        "body_file": options.body_file,
        "redirects": _REDIRECTS if follows else 0,
        "ip": ip(options.preferred_ip_protocol, options.ip_protocol_fallback),
        "http2": options.enable_http2,
        "proxy": _proxy(options),
        "max_body": options.body_size_limit or UNLIMITED,
        "tls": TlsSettings.model_validate(tls(options.tls_config)),
        "expect": _expect(options),
    }
    return HttpSettings.model_validate(raw)


def _expect(options: HttpOptions) -> Expect:
    body = TextExpect(
        matches=options.fail_if_body_not_matches_regexp,
        not_matches=options.fail_if_body_matches_regexp,
    )
    return Expect.model_validate({"status": options.valid_status_codes or "2xx", "body": body})


def _rules(options: HttpOptions) -> Rules:
    unwanted = [(rule, False) for rule in options.fail_if_header_matches]
    wanted = [(rule, True) for rule in options.fail_if_header_not_matches]
    return Rules(
        headers=tuple(
            HeaderRule(rule.header, rule.regexp, is_wanted, rule.allow_missing)
            for rule, is_wanted in (*unwanted, *wanted)
        ),
        compression=options.compression,
        versions=options.valid_http_versions,
        tls=True if options.fail_if_not_ssl else False if options.fail_if_ssl else None,
    )


def _coding(options: HttpOptions) -> dict[str, tuple[str, ...]]:
    if _has(options, "accept-encoding") or not options.compression:
        return {}
    return {"Accept-Encoding": (options.compression,)}


def _has(options: HttpOptions, header: str) -> bool:
    return any(name.lower() == header for name in options.headers)


def _files(options: HttpOptions) -> Iterator[NamedFile]:
    basic, oauth2, authorization = options.basic_auth, options.oauth2, options.authorization
    named = (
        options.body_file,
        options.bearer_token_file,
        basic.password_file if basic else None,
        oauth2.client_secret_file if oauth2 else None,
        authorization.credentials_file if authorization else None,
    )
    return (file for file in named if file is not None)


def _unacceptable(options: HttpOptions) -> str:
    """What is wrong where the header asks for other codings than the one that is unpacked."""
    if options.compression not in UNPACKED:
        return ""
    asked = [
        str(value)
        for name, values in options.headers.items()
        if name.lower() == "accept-encoding"
        for value in values
    ]
    for item in ",".join(asked).lower().split(","):
        coding, _, quality = item.partition(";")
        refused = quality.replace(" ", "").rstrip("0").rstrip(".") in ("q=", "q=0")
        if coding.strip() in (options.compression, "*") and not (quality and refused):
            return ""
    if not asked:
        return ""
    return f"{options.compression} is unpacked, but the header Accept-Encoding does not ask for it"


def _authorization(options: HttpOptions) -> dict[str, tuple[Secret, ...]]:
    """A token of any type is a header; passwords and OAuth 2 are `auth:`. A header goes before it."""
    if _has(options, "authorization"):
        return {}
    given = options.authorization
    if given is not None:
        token = _secret(given.credentials, given.credentials_file, "credentials_file")
        return {"Authorization": (Secret(f"{given.type.strip()} {token}"),)}
    if options.bearer_token is None and options.bearer_token_file is None:
        return {}
    token = _secret(options.bearer_token, options.bearer_token_file, "bearer_token_file")
    return {"Authorization": (Secret(f"Bearer {token}"),)}


def _auth(options: HttpOptions) -> dict[str, dict[str, object]] | None:
    if options.basic_auth is not None and not _has(options, "authorization"):
        return {"basic": dict(options.basic_auth)}
    return None if options.oauth2 is None else {"oauth2": _oauth2(options.oauth2)}


def _oauth2(given: OAuth2) -> dict[str, object]:
    return {
        "token_url": given.token_url,
        "client_id": given.client_id,
        "client_secret": _secret(
            given.client_secret, given.client_secret_file, "client_secret_file"
        ),
        "scopes": given.scopes,
        "params": given.endpoint_params,
    }


def _secret(written: Secret | None, file: NamedFile | None, field: str) -> str:
    """Raises OwnFault where `file` cannot be read as a text."""
    if written is not None:
        return written.reveal().strip()
    return file.text(field).strip() if file is not None else ""


def _proxy(options: HttpOptions) -> HttpProxy | None:
    """The environment's NO_PROXY does not count where the module names its proxy."""
    if options.proxy_url is None:
        return None
    spared = no_proxy({"no_proxy": options.no_proxy})
    return replace(options.proxy_url, spared=spared, told=_told(options))


def _told(options: HttpOptions) -> Lines:
    """What a proxy hears that is asked for a tunnel."""
    return tuple(
        (name, value.reveal() if isinstance(value, Secret) else value)
        for name, values in options.proxy_connect_header.items()
        for value in values
    )


def _proxies(options: HttpOptions, env: Mapping[str, str]) -> dict[str, HttpProxy]:
    """Those of the environment, by the scheme of the target. Raises ValueError."""
    if not options.proxy_from_environment:
        return {}
    spared, told, found = no_proxy(env), _told(options), {}
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            if url := env.get(name):
                proxy = _proxy_of(name, url if "://" in url else f"http://{url}")
                found[scheme] = replace(proxy, spared=spared, told=told)
                break
    return found


def _proxy_of(variable: str, url: str) -> HttpProxy:
    """Raises ValueError."""
    try:
        return HttpProxy.parse(url)
    except ValueError as error:
        raise ValueError(f"{variable} of the environment: {error}") from None

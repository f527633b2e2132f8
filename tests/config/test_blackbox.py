from __future__ import annotations

import asyncio
import pickle
import re
from pathlib import Path

import pytest

from prober.check import Model
from prober.config.blackbox_options import HttpOptions, TcpOptions, TlsConfig
from prober.config.difference import difference
from prober.probes.http import HttpCheck
from prober.probes.http_settings import HttpSettings
from prober.probes.modules import HttpModule, Module, TcpModule, Unsupported
from tests.config.loading import loaded, refused, warned

EMPTY = "checks: []\n"
FILE = EMPTY + "modules_file: blackbox.yml\n"


def modules(folder: Path, text: str, config: str = FILE) -> dict[str, Module]:
    (folder / "blackbox.yml").write_text(text)
    return dict(loaded(folder, config).config.modules)


def http(folder: Path, options: str) -> HttpModule:
    text = f"modules: {{shop: {{prober: http, http: {{{options}}}}}}}"
    how = modules(folder, text)["shop"].how
    assert isinstance(how, HttpModule)
    return how


def test_without_any_there_are_those_of_blackboxs_own_file(tmp_path: Path) -> None:
    found = loaded(tmp_path, EMPTY).config.modules

    assert {name: type(module.how) for name, module in found.items()} == {
        "http_2xx": HttpModule,
        "http_post_2xx": HttpModule,
        "tcp_connect": TcpModule,
        "pop3s_banner": TcpModule,
        "ssh_banner": TcpModule,
        "irc_banner": TcpModule,
        "grpc": Unsupported,
        "grpc_plain": Unsupported,
        "icmp": Unsupported,
        "icmp_ttl5": Unsupported,
    }


def test_a_module_of_another_kind_is_a_warning_and_the_others_load(tmp_path: Path) -> None:
    text = "modules:\n  ping: {prober: icmp, icmp: {ttl: 5}}\n  web: {prober: http}\n"
    (tmp_path / "blackbox.yml").write_text(text)

    assert warned(tmp_path, FILE) == [
        "blackbox.yml:2: modules.ping.prober: probes of kind icmp are not supported yet;"
        " http and tcp are; /probe refuses this module"
    ]
    assert sorted(loaded(tmp_path, FILE).config.modules) == ["ping", "web"]


def test_nothing_is_filled_into_blackboxs_file(tmp_path: Path) -> None:
    text = 'modules: {irc: {prober: tcp, tcp: {query_response: [{expect: "PING (.*)", send: "PONG ${1}"}]}}}'

    how = modules(tmp_path, text)["irc"].how

    assert isinstance(how, TcpModule)
    said = how.settings.dialogue[1].send
    assert said is not None
    assert said.line({"1": "3.14"}) == b"PONG 3.14\n"


def test_in_place_what_is_written_in_our_way_is_filled_in(tmp_path: Path) -> None:
    config = EMPTY + (
        "modules:\n"
        '  web: {prober: http, http: {bearer_token: "${TOKEN}"}}\n'
        '  irc: {prober: tcp, tcp: {query_response: [{expect: "PING (.*)", send: "PONG $${1}"}]}}\n'
    )
    found = loaded(tmp_path, config, {"TOKEN": "t0ken-t0ken"}).config.modules

    web, irc = found["web"].how, found["irc"].how
    assert isinstance(web, HttpModule)
    assert isinstance(irc, TcpModule)
    (header,) = web.settings.headers["Authorization"]
    assert not isinstance(header, str)
    assert header.reveal() == "Bearer t0ken-t0ken"
    said = irc.settings.dialogue[1].send
    assert said is not None
    assert said.line({"1": "3.14"}) == b"PONG 3.14\n"


@pytest.mark.parametrize(
    "options",
    [
        "basic_auth: {username: u, password: sesame-open}",
        "authorization: {credentials: sesame-open}",
        "bearer_token: sesame-open",
        'oauth2: {client_id: c, client_secret: sesame-open, token_url: "https://x.example/"}',
        'headers: {Authorization: "Token sesame-open"}',
        'proxy_url: "http://u:sesame-open@127.0.0.1:1"',
    ],
)
def test_a_secret_is_known_as_one_and_never_shown(options: str, tmp_path: Path) -> None:
    text = f"modules: {{shop: {{prober: http, http: {{{options}}}}}}}"
    (tmp_path / "blackbox.yml").write_text(text)
    config = loaded(tmp_path, FILE).config

    assert config.scrub("it said sesame-open") == "it said ***"
    assert "sesame-open" not in config.modules["shop"].shown
    assert "sesame-open" not in repr(config.modules["shop"])


def test_secrets_out_of_files_are_read_beside_the_modules_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "token").write_text("t0ken-t0ken\n")
    (tmp_path / "etc" / "blackbox.yml").write_text(
        "modules: {web: {prober: http, http: {bearer_token_file: token}}}"
    )

    config = loaded(tmp_path, EMPTY + "modules_file: etc/blackbox.yml\n").config

    how = config.modules["web"].how
    assert isinstance(how, HttpModule)
    (header,) = how.settings.headers["Authorization"]
    assert not isinstance(header, str)
    assert header.reveal() == "Bearer t0ken-t0ken"
    assert {str(tmp_path / "etc" / name) for name in ("blackbox.yml", "token")} <= set(config.files)


def test_what_the_format_means_by_its_words(tmp_path: Path) -> None:
    how = http(
        tmp_path,
        "body_size_limit: 10KB, follow_redirects: no, preferred_ip_protocol: ip4,"
        " ip_protocol_fallback: false, enable_http2: false, compression: br",
    )
    plain = http(tmp_path, "")

    assert how.settings.max_body == 10 * 1024
    assert (how.settings.redirects, plain.settings.redirects) == (0, 10)
    assert (how.settings.ip, plain.settings.ip) == ("4", "prefer6")
    assert (how.settings.http2, plain.settings.http2) == (False, True)
    assert how.settings.headers == {"Accept-Encoding": ("br",)}
    assert plain.settings.tls.min_version == "1.2"
    assert plain.settings.headers == {}


def test_a_proxy_is_the_modules_own_or_the_environments(tmp_path: Path) -> None:
    own = http(
        tmp_path,
        'proxy_url: "http://127.0.0.1:3128", no_proxy: "10.0.0.0/8",'
        " proxy_connect_header: {X-Team: [shop]}",
    )
    config = EMPTY + "modules: {web: {prober: http, http: {proxy_from_environment: true}}}\n"
    env = {"HTTPS_PROXY": "proxy.example:8080"}
    lent = loaded(tmp_path, config, env).config.modules["web"].how

    assert own.settings.proxy is not None
    assert own.settings.proxy.spared == ("10.0.0.0/8",)
    assert own.settings.proxy.tunnel_lines == (("X-Team", "shop"),)
    assert isinstance(lent, HttpModule)
    used = {}
    for scheme in ("https", "http"):
        check = lent.at(f"{scheme}://shop.example/", "", 1.0).check
        assert isinstance(check, HttpCheck)
        used[scheme] = str(check.http.proxy)
    assert used == {"https": "http://proxy.example:8080", "http": "None"}


def test_a_proxy_of_the_environment_that_is_none_is_told_by_its_name(tmp_path: Path) -> None:
    config = EMPTY + "modules: {web: {prober: http, http: {proxy_from_environment: true}}}\n"

    assert refused(tmp_path, config, {"https_proxy": "socks5://127.0.0.1:1080"}) == [
        "config.yaml:2: modules.web.http: https_proxy of the environment:"
        " 'socks5://127.0.0.1:1080' is a proxy of another kind; only http:// proxies work"
    ]


def test_an_option_that_is_empty_is_not_set_but_a_misspelt_one_is_a_mistake(tmp_path: Path) -> None:
    empty = http(tmp_path, 'method: "", proxy_url: "", body_file: "", tls_config: {ca_file: ""}')

    assert empty == http(tmp_path, "")
    (tmp_path / "blackbox.yml").write_text('modules: {shop: {prober: http, http: {methd: ""}}}')
    assert refused(tmp_path, FILE) == [
        'blackbox.yml:1: modules.shop.http: unknown key "methd"; did you mean method?'
    ]


@pytest.mark.parametrize(
    ("options", "asked_by"),
    [
        ("basic_auth: {username: a, password: sesame-open}", "user"),
        ("bearer_token: sesame-open", "user"),
        ("authorization: {type: Key, credentials: sesame-open}", "user"),
        ("headers: {authorization: sesame-open}, bearer_token: other-secret", "header"),
        (
            "oauth2: {client_id: a, client_secret: sesame-open, token_url: 'http://127.0.0.1:1'}",
            "oauth2",
        ),
    ],
)
def test_who_asks_where_the_target_names_a_user_too(
    options: str, asked_by: str, tmp_path: Path
) -> None:
    check = http(tmp_path, options).at("http://me:my-password@shop.example/", "", 1.0).check

    assert isinstance(check, HttpCheck)
    asks = check.http
    assert isinstance(asks, HttpSettings)
    found = {
        "header": "authorization" in {name.lower() for name in asks.headers},
        "user": asks.url.userinfo is not None,
        "oauth2": asks.auth is not None,
    }
    # A header goes before the URL's user as it is.
    assert next(who for who, is_there in found.items() if is_there) == asked_by
    assert not (found["user"] and found["oauth2"])


def test_a_password_in_a_dialogue_is_not_shown(tmp_path: Path) -> None:
    text = 'modules: {pop: {prober: tcp, tcp: {query_response: [{send: "PASS sesame-open"}]}}}'

    assert "send: PASS ***" in modules(tmp_path, text)["pop"].shown


def test_a_name_of_a_module_is_a_name_and_no_field(tmp_path: Path) -> None:
    found = modules(tmp_path, "modules: {my_token: {prober: http, http: {method: POST}}}")

    assert "method: POST" in found["my_token"].shown


def test_mistakes_in_the_file_and_in_the_config_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text("modules:\n  web: {prober: http, http: {methd: GET}}\n")

    assert refused(tmp_path, "checks: {}\nmodules_file: blackbox.yml\n") == [
        'blackbox.yml:2: modules.web.http: unknown key "methd"; did you mean method?',
        "config.yaml:1: checks: an empty mapping is not a list",
    ]


def test_modules_travel_and_compare_by_value(tmp_path: Path) -> None:
    text = "modules: {web: {prober: http, timeout: 5s}}"
    before = modules(tmp_path, text)

    assert pickle.loads(pickle.dumps(before)) == before  # noqa: S301 - our own
    assert modules(tmp_path, text) == before
    assert modules(tmp_path, text.replace("5s", "6s")) != before


def test_a_reload_tells_that_modules_changed(tmp_path: Path) -> None:
    modules(tmp_path, "modules: {web: {prober: http}}")
    before = loaded(tmp_path, FILE).config
    modules(tmp_path, "modules: {web: {prober: http, timeout: 5s}}")
    after = loaded(tmp_path, FILE).config

    changed = str(asyncio.run(difference(before, after)))

    assert changed == f"changed modules, {tmp_path / 'blackbox.yml'}"


@pytest.mark.parametrize(
    ("name", "options"), [("http", HttpOptions), ("tcp", TcpOptions), ("`tls_config`", TlsConfig)]
)
def test_the_docs_name_every_option(name: str, options: type[Model]) -> None:
    docs = Path(__file__).parent.parent.parent / "docs" / "blackbox.md"
    _, _, supported = docs.read_text().partition("## What is supported")
    (listed,) = re.findall(rf"^- {name}: (.*?)\n(?=\n|- )", supported, re.MULTILINE | re.DOTALL)

    told = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", listed)))
    assert told == set(options.model_fields)

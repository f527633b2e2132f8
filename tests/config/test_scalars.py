from __future__ import annotations

import math

import pytest

from prober.config.scalars import plain, tagged


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("TRUE", True),
        ("null", None), ("~", None), ("", None),
        ("0", 0), ("-12", -12), ("+3", 3), ("012", 12), ("0o17", 15), ("0xfF", 255),
        ("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("2.", 2.0), (".inf", math.inf),
        ("-.INF", -math.inf),
    ],
)  # fmt: skip
def test_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no", "on", "off", "yes", "y", "tRUE", "nil", "1:30", "1_000", "2024-01-31", "0b1", "0o8",
        "1.2.3", "1e", "-", ".", "+.nan", "0x", "\u0661", "9" * 5000,
    ],
)  # fmt: skip
def test_all_else_is_text(text: str) -> None:
    assert plain(text) == text


def test_not_a_number_is_a_number() -> None:
    value = plain(".nan")

    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("!", "5", "5"), ("!!str", "true", "true"), ("!!int", "5", 5), ("!!float", "5", 5.0),
        ("!!bool", "true", True), ("!!null", "", None),
    ],
)  # fmt: skip
def test_a_tag_says_what_a_scalar_is(tag: str, text: str, value: object) -> None:
    found = tagged(tag.replace("!!", "tag:yaml.org,2002:"), text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("tag", ["!env", "!!binary", "!!timestamp", "!!int"])
def test_other_tags_and_other_texts_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match=tag):
        tagged(tag.replace("!!", "tag:yaml.org,2002:"), "eu")

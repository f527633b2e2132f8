"""Where does a click lead?"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from prober.export.dashboards.looks import Json
from prober.export.scene import Scene

_FIELDS = {
    "series": "${__field.labels.check:percentencode}",
    "row": "${__data.fields.check:percentencode}",
}


def to_check(of: str) -> tuple[JsonValue, ...]:
    """Leads from `of`, series or row, to the dashboard of its check."""
    return (_to("check", _FIELDS[of]),)


def to_journey(of: str) -> tuple[JsonValue, ...]:
    return (_to("journey", _FIELDS[of]),)


def to_runbook(scene: Scene) -> tuple[JsonValue, ...]:
    """From a row of an alert; nowhere where nobody said where they are."""
    if scene.runbooks is None:
        return ()
    url = f"{scene.runbooks}/${{__data.fields.alertname}}.md"
    return ({"title": "The runbook", "url": url, "targetBlank": True},)


def _to(of: str, check: str) -> JsonValue:
    return {"title": f"The {of}", "url": _address(of, check), "targetBlank": False}


def _address(of: str, check: str) -> str:
    return f"/d/prober-{of}?${{datasource:queryparam}}&${{__url_time_range}}&var-{of}={check}"


def of_dashboard(of: str, beside: str) -> Iterator[JsonValue]:
    """To all of ours, and to `beside`, that of the same check."""
    yield _ALL
    if beside:
        url = _address(beside, f"${{{of}:percentencode}}")
        yield _ALL | {
            "type": "link",
            "title": f"As a {beside}",
            "tags": [],
            "url": url,
            "asDropdown": False,
            "includeVars": False,
            "keepTime": False,
        }


_ALL: Json = {
    "type": "dashboards",
    "title": "Prober",
    "tags": ["prober"],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}

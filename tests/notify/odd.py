"""Notices as odd as targets and people can make them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from prober.alerts.notice import Event, Notice
from tests.fake_clock import NOON

NASTY = (
    "",
    " \n ",
    "<script>alert('x')</script> & <!channel> <@U123> <https://evil.example|click>",
    "```rm -rf``` `tick` *bold* _it_ ~gone~ > quoted",
    "&amp; &lt; &" * 300,
    "🔥" * 1600,
    "\ud83d half of a pair, and a zero \x00, a bell \x07",
    "x" * 5000,
    "line\r\nline\n" * 400,
)
ADDRESSES = (
    "",
    "https://wiki.example/run book?a=1&b=<2>|3",
    "https://wiki.example/" + "&" * 850,
    "https://wiki.example/" + "a" * 5000,
    "javascript:alert(1)",
    "not an address",
    "https://broken:port/",
)
words: SearchStrategy[str] = st.sampled_from(NASTY) | st.text(st.characters(), max_size=60)
names: SearchStrategy[str] = st.sampled_from(
    ["step", "expected", "actual", "last_good", "duration", "since"]
) | st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
said: SearchStrategy[dict[str, str]] = st.builds(
    lambda said, more, runbook, evidence: {
        **more, **said, "runbook_url": runbook, "evidence_url": evidence,
    },
    st.fixed_dictionaries({}, optional={"summary": words, "description": words, "reason": words}),
    st.dictionaries(names, words, max_size=11),
    st.sampled_from(ADDRESSES),
    st.sampled_from(ADDRESSES),
)  # fmt: skip
labels: SearchStrategy[dict[str, str]] = st.builds(
    lambda ours, more: {**more, **ours},
    st.fixed_dictionaries(
        {}, optional={"check": words, "region": words, "severity": words, "alert": words}
    ),
    st.dictionaries(names, words, max_size=6),
)
notices = st.builds(
    lambda event, key, labels, annotations, url: Notice(
        event=event,
        key=key,
        labels=labels,
        annotations=annotations,
        starts_at=NOON,
        ends_at=NOON + 60 if event is Event.RESOLVED else None,
        at=NOON + 60,
        url=url,
    ),
    st.sampled_from(Event),
    st.text(max_size=400).map(lambda text: f"eu/{text}"),
    labels,
    said,
    st.sampled_from(ADDRESSES),
)

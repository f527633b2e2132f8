"""What should somebody know of a key who meets it in an editor?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_OF_PAGE: Mapping[str, str] = {
    "lcp": "Largest Contentful Paint; good is up to 2.5s.",
    "inp": "Interaction to Next Paint; good is up to 200ms.",
    "cls": "Cumulative Layout Shift; good is up to 0.1.",
    "fcp": "First Contentful Paint; good is up to 1.8s.",
    "ttfb": "Time To First Byte; good is up to 800ms.",
    "js_errors": "Errors that scripts of the page did not catch.",
    "failed_requests": "Requests of the page, its own too, that failed: no answer, or 400 and above.",
}
_GROUP_WAIT = "What comes so soon after a first notice is one message; 0: each by itself."
# By the class that has the key, and the key.
SAID: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Config": {
            "agent": "Of this agent: its region, labels, folder of data.",
            "web": "Where the agent serves its page, /metrics and the API.",
            "include": "Files with more checks; globs, relative to this file.",
            "regions": "All regions that run this config. Default: agent.region alone.",
            "quorum": "In so many regions a check has to be down; or in all that report, if fewer.",
            "prometheus": "How the agents are scraped, for the rules of `prober rules`.",
            "otlp": "Where runs are sent as traces; nowhere, if it is not there.",
            "slos": "What was promised; `prober rules` watches how fast its error budget burns.",
            "severities": "Your own words, worst first.",
            "defaults": "What a check does not say itself; by kind where a kind is named.",
            "checks": "What to look at, and how often.",
            "alerts": "The rules by which every check is watched. None given: down alone.",
            "notifiers": "Who can be told, by a name of your own.",
            "routes": "Who is told of what; the first that matches. None: everybody.",
            "maintenance": "Windows in which nobody is told of anything.",
            "reports": "What has been since the last one, for people, at set times.",
            "connectivity": "Asked when a check is down; if none answers, it is the agent that is cut off.",
            "modules_file": "blackbox_exporter's own file, for /probe.",
            "modules": "Modules for /probe in place, in blackbox_exporter's own format.",
        },
        "AgentSettings": {
            "region": "On every series, result and alert. Default: the host's name; PROBER_REGION overrides.",
            "labels": "On prober_check_info, results and alerts.",
            "shard": "0/3: this agent's share of its region's checks; PROBER_SHARD overrides.",
            "data_dir": "History, alert state, outbox, evidence; one agent at a time.",
            "notify": "auto: own notices where regions names one region only.",
            "resolver": "auto: the agent's own; system: getaddrinfo.",
        },
        "WebSettings": {
            "listen": "host:port; PROBER_LISTEN overrides.",
            "external_url": "In every link that leaves the agent.",
        },
        "OtlpSettings": {
            "endpoint": "A collector's, or a tracing backend's: http://collector:4318.",
            "headers": "Of each request; shown as ***.",
            "sample": "Of how many runs that are up; the others are always sent.",
            "timeout": "Of one request.",
        },
        "Check": {
            "name": "Unique; letters, digits and _ . : / -, a letter or digit first.",
            "interval": "From one run to the next.",
            "timeout": "Of one attempt, everything included.",
            "retries": "Further attempts, a second apart; all must fit the interval.",
            "severity": "One of severities.",
            "labels": "On prober_check_info, results and alerts.",
            "runbook": "A link for whoever is woken.",
            "quorum": "Instead of the quorum at the top.",
            "depends_on": "Checks while which are down nobody is told of this one.",
            "alerts": "Overrides the rules by name, key by key; null removes one.",
            "targets_from": "Prometheus' file_sd: one check for each target in these files.",
            "http": "An HTTP request or several steps; in short its URL.",
            "tcp": "A TCP connection, and what is said on it; in short host:port.",
            "journey": "A Playwright script; in short the name of its file.",
        },
        "HttpSettings": {
            "redirects": "How many are followed; 0: none.",
            "max_body": "After decompression.",
            "expect": "What the answer has to be; any 2xx where nothing is said.",
        },
        "Expect": {
            "status": '200, "2xx", "200-299", or a list of these.',
            "json": "By JSONPath (RFC 9535): a value, or operators like {lt: 100}.",
            "duration": "Slower is down, reason latency.",
        },
        "JourneySettings": {
            "script": "journeys/order.py, or journeys/shop.py::place_order.",
            "first_party": "More origins whose requests tell of the run; []: none does.",
            "params": "For the script; shown.",
            "secrets": "For the script; shown as ***.",
            "device": "One of Playwright's, like Pixel 7. Default: a desktop of 1280x720.",
            "network": "As slow as that; vitals are marked as throttled.",
            "context": "Options of Playwright's new_context.",
            "evidence": "When it is kept.",
            "browser": "Which one, or where one runs.",
            "budgets": "Limits; a run that is up and beyond one is degraded, not down.",
        },
        "JourneyBrowser": {
            "channel": "With any but the headless shell, vitals are unverified.",
            "connect": "ws://… of a Playwright server, or http://… of a browser that speaks CDP.",
        },
        "BrowserSettings": {
            "workers": "Journeys at a time.",
            "memory": "Of one journey, its browser included; a run that needs more is ended.",
            "sandbox": "Chromium's; auto: wherever it works.",
        },
        "Budgets": {
            **_OF_PAGE,
            "duration": "Of the whole run.",
            "pages": "Of one page, by its name in the vitals; before what is said of every page.",
            "steps": "How long a step may take, by its name.",
        },
        "PageBudgets": _OF_PAGE,
        "Rule": {
            "when": "The condition, one of several.",
            "resolve": "When it is over.",
            "remind": "How often it is said again while it lasts.",
            "flapping": "One alert is held open instead of many; off unless asked.",
        },
        "FlappingSettings": {
            "changes": "How often it fired or was over.",
            "over": "In what time.",
        },
        "PagerdutySettings": {
            "routing_key": "The integration key of an Events API v2 integration.",
            "severities": "Your own words as PagerDuty's: critical, error, warning or info.",
            "url": "For the EU: https://events.eu.pagerduty.com.",
        },
        "SlackSettings": {
            "webhook_url": "Of an incoming webhook: https://hooks.slack.com/services/…",
            "token": "Of a bot, which edits one message for each incident; instead of webhook_url.",
            "channel": "Where the bot writes: C0123456789.",
            "group_wait": _GROUP_WAIT,
        },
        "EmailSettings": {"group_wait": _GROUP_WAIT},
        "TwilioSettings": {"group_wait": _GROUP_WAIT},
        "WebhookSettings": {"group_wait": _GROUP_WAIT},
        "AppriseSettings": {
            "urls": "Of apprise's services: tgram://token/chat.",
            "timeout": "Of all of them.",
            "group_wait": _GROUP_WAIT,
        },
        "CommandSettings": {
            "argv": "The program and its arguments; no shell.",
            "events": "Of an incident; at most once each.",
            "max_per_hour": "Beyond that it is not run.",
            "timeout": "Then it is killed.",
        },
        "When": {
            "failures": "Runs down in a row.",
            "of": "The failures are counted among so many of the last runs.",
            "error_rate": "The share of a window's runs that are down.",
            "p50": "Longer than this took more than half of a window's runs.",
            "p90": "Longer than this took more than 10 % of a window's runs.",
            "p95": "Longer than this took more than 5 % of a window's runs.",
            "p99": "Longer than this took more than 1 % of a window's runs.",
            "budget": "A budget of a journey, or any: judged by a window's p75.",
            "over": "How long the window is.",
            "min_runs": "So many runs have to be in the window. Default: 10, of percentiles 20.",
            "min_failures": "So many have to be down. Default: 2.",
            "certificate_expires_within": "How long a certificate has to be valid at least.",
            "value": "A value that the check reads, and its bounds: {queue: {gt: 100}}.",
            "step": "A step, and how long it may take: {pay: 5s}.",
            "for": "It has to be met at every run for so long.",
        },
        "PrometheusSettings": {
            "job": "The scrape job's name.",
            "scrape_interval": "All times in the generated rules follow from it.",
            "runbooks": "Where docs/runbooks is to be read: a generated alert links to NAME.md in it.",
        },
        "Slo": {
            "name": "Unique; letters, digits and _ -, a letter first.",
            "match": "The checks it is about; without keys all of them.",
            "availability": "So many of the runs are up: 99.9%.",
            "latency": "So many of the runs that are up are fast enough.",
            "window": "The time it was promised for.",
        },
        "Latency": {
            "under": "Fast enough is less than this.",
            "ratio": "So many have to be: 95%.",
        },
        "Route": {
            "match": "Keys are ANDed, the items of a list ORed; without keys everything.",
            "notify": "Names of notifiers; [] tells nobody.",
            "continue": "Whether the routes after it are asked as well.",
        },
        "Match": {
            "times": "Hours of days; one of them has to be when it is told.",
        },
        "Times": {
            "days": "MON-FRI, or SAT,SUN; those on which it begins. Default: every day.",
            "from": "08:00; after the end it lasts over midnight. Default: 00:00.",
            "to": "18:00; until just before. Default: 24:00.",
            "timezone": "Like Europe/Berlin. Default: UTC.",
        },
        "Maintenance": {
            "name": "Unique; letters, digits and _ -, a letter first.",
            "schedule": "When it begins, as cron has it: minute, hour, day, month, weekday.",
            "duration": "How long it lasts.",
            "timezone": "Of the schedule, like Europe/Berlin. Default: UTC.",
            "start": "Once, instead of a schedule: 2026-03-29T02:00:00+01:00.",
            "end": "Until just before.",
            "match": "The checks it is about; without keys all of them.",
            "probe": "false: they are not run at all.",
            "notify": "Who is told when it begins and when it is over.",
        },
        "Report": {
            "schedule": "When it is sent, as cron has it; it is about the time since the last one.",
            "timezone": "Of the schedule and of its times, like Europe/Berlin. Default: UTC.",
            "notify": "Names of notifiers that people read.",
            "match": "The checks it is about; without keys all of them.",
            "name": "Unique; letters, digits and _ -, a letter first. Default: the schedule.",
        },
    }
)


def described(name: str, schema: dict[str, object]) -> dict[str, object]:
    """The schema of a class, with what is said of its keys."""
    said = SAID.get(name, {})
    properties = schema.get("properties")
    if not said or not isinstance(properties, dict):
        return schema
    with_words = {
        key: {**one, "description": said[key]} if key in said else one
        for key, one in properties.items()
    }
    return {**schema, "properties": with_words}

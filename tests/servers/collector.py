"""A collector of traces: what is sent to it, read by OpenTelemetry's own schema."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf import json_format  # type: ignore[import-untyped]  # it ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic import JsonValue

from tests.servers.receivers import Received, Receiver, receiver

_IDS = ("traceId", "spanId", "parentSpanId")


def decoded(body: bytes) -> ExportTraceServiceRequest:
    """Raises where it is not what the schema says. Ids are hexadecimal there, base64 in Protobuf's JSON."""
    request = ExportTraceServiceRequest()
    json_format.ParseDict(_in_base64(json.loads(body)), request)
    return request


def _in_base64(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_in_base64(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(str(one))).decode() if key in _IDS else _in_base64(one)
        for key, one in value.items()
    }


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def attributes(span: Span) -> dict[str, str | int | bool]:
    return dict(map(_pair, span.attributes))


def _pair(one: KeyValue) -> tuple[str, str | int | bool]:
    kind = one.value.WhichOneof("value")
    if kind == "int_value":
        return one.key, one.value.int_value
    if kind == "bool_value":
        return one.key, one.value.bool_value
    assert kind == "string_value"
    return one.key, one.value.string_value


class Collector:
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.url = receiver.url

    @property
    def received(self) -> list[Received]:
        return self.receiver.received

    def request(self, number: int) -> ExportTraceServiceRequest:
        """What came with the request of this number (from 0)."""
        return decoded(self.received[number].raw)  # unpacked by the server

    def spans(self, number: int) -> list[Span]:
        return spans_of(self.request(number))

    def runs(self, number: int) -> list[Span]:
        """The spans of runs alone."""
        return [span for span in self.spans(number) if not span.parent_span_id]


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    async with receiver() as one:
        yield Collector(one)

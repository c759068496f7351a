"""A service that meters itself, as a process of its own: `python emitting.py SEED delta|cumulative FOLDER`.

What OpenTelemetry's SDK makes of it goes into the folder, in Protobuf and in JSON. It prints what it did.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter as Tally
from fractions import Fraction
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from tenantry.metering import measure, serving, use

ROUNDS = 3
FEATURES = ["search", "export", "réport"]


def main(seed: str, temporality: str, folder: str) -> None:
    kind = AggregationTemporality[temporality.upper()]
    reader = InMemoryMetricReader(preferred_temporality={Counter: kind, Histogram: kind})
    metrics.set_meter_provider(MeterProvider([reader], Resource({"service.name": "shop"})))
    sizes = metrics.get_meter("shop").create_histogram("basket", "{item}")
    chance, did, clock = random.Random(seed), Tally[tuple[str, str, str]](), [1]
    use.perf_counter_ns = lambda: clock[0]
    for number in range(ROUNDS):
        for _ in range(40):
            tenant, feature = f"tenant {chance.randrange(4)}", chance.choice(FEATURES)
            items, size, eighths = chance.randrange(9), chance.randrange(10**6), chance.randrange(1, 99)
            with serving(tenant), measure(feature) as call:
                clock[0] += eighths * 125_000_000
                call.add(items, size)
                with measure("inside"):
                    clock[0] += 125_000_000
            sizes.record(items, {"tenant.id": tenant, "feature.id": feature})
            did.update({
                ("usage.calls", tenant, feature): 1, ("usage.items", tenant, feature): items,
                ("usage.bytes", tenant, feature): size, ("usage.seconds", tenant, feature): Fraction(eighths, 8),
                ("usage.calls", tenant, "inside"): 1, ("usage.seconds", tenant, "inside"): Fraction(1, 8),
                ("basket.count", tenant, feature): 1, ("basket.sum", tenant, feature): items,
            })  # fmt: skip
        data = reader.get_metrics_data()
        assert data
        request = encode_metrics(data)
        said = MessageToDict(request, use_integers_for_enums=True)
        Path(folder, f"{seed}-{number}.pb").write_bytes(request.SerializeToString())
        Path(folder, f"{seed}-{number}.json").write_text(json.dumps(said), encoding="utf-8")
    print(json.dumps([[*what, str(amount)] for what, amount in did.items()]))


if __name__ == "__main__":
    main(*sys.argv[1:])

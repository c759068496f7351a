"""Access logs: requests as load balancers, gateways and web servers log them, counted while they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from ...datasets.access import AccessHours
from ...kernel.dataset import Dataset
from ...kernel.source import Batch, Format, Sample, Source
from .format import LogFormat
from .lines import lines_format
from .named import named_format, plain
from .request import Claimants


class AccessLog(Source):
    """The format is told from the content, rotated and gzip files too: AWS ALB, CloudFront and API Gateway; Apache and
    nginx (common, combined, with a virtual host before it, ingress-nginx, JSON); Envoy and Istio (text, JSON); W3C's
    extended format; JSON of Caddy, Traefik, Kong, Azure, Google and pino, or in Elastic's schema; any other JSON, CSV
    or Parquet whose fields say when, what and how it ended.
    """

    kind: ClassVar[str] = "access_log"
    lands: ClassVar[tuple[type[Dataset], ...]] = (AccessHours,)

    tenant: Annotated[tuple[str, ...], Field(description="fields that name the tenant, the best first")] = ()
    tenant_query: Annotated[
        tuple[str, ...], Field(description="parameters of a query that name the tenant")
    ] = ("tenant", "tenant_id", "tenantid", "tenantId", "org_id", "account_id", "workspace")
    key_query: Annotated[
        tuple[str, ...], Field(description="parameters of a query that hold an API key, which is hashed")
    ] = ("api_key", "apikey", "api-key", "access_key")
    trace: Annotated[
        tuple[str, ...], Field(description="fields of AWS's trace header that name the tenant")
    ] = ("tenantid", "tenant_id", "tenant-id", "tenant")

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return cls(path="").format_of([sample]) is not None

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        alike: dict[tuple[str, ...], list[Sample]] = {}
        for sample in samples:
            if found := self.format_of([sample]):
                alike.setdefault((found.name, sample.format, *_fields(sample)), []).append(sample)
        for few in alike.values():
            if found := self.format_of(few):
                yield Batch(tuple(s.path for s in few), few[0].format, (found.mapping(),))

    def format_of(self, samples: Sequence[Sample]) -> LogFormat | None:
        """The format that these files, whose fields are the same, have; none where they are no logs of requests."""
        who = Claimants(self.tenant_query, self.key_query, self.trace, self.tenant)
        if samples[0].format is Format.LINES:
            lines = [row["line"] or "" for row in samples[0].rows]
            return lines_format(lines, who) or named_format(samples, who)
        return named_format(samples, who) if samples[0].format not in _TOLD_APART else None


# Their columns are the reader's, not a log's.
_TOLD_APART = (Format.OTLP, Format.SERVICE_LOG)


def _fields(sample: Sample) -> tuple[str, ...]:
    """What has to be the same for files to be read as one: a JSON object says its own keys."""
    if sample.format is Format.JSON:
        return ()
    if sample.format is Format.LINES:
        lines = [row["line"] or "" for row in sample.rows]
        return tuple(line for line in lines if line.startswith("#Fields:"))[:1]
    return tuple(map(plain, sample.columns))

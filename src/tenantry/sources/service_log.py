"""Logs and traces of AWS's services: embedded metrics, Lambda's reports, DynamoDB's capacity, X-Ray, as usage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from ..datasets.names import UNATTRIBUTED
from ..datasets.usage import Usage
from ..kernel.dataset import Dataset
from ..kernel.money import QUANTITY_PLACES
from ..kernel.source import Batch, Format, RowMapping, Sample, Source
from .attributes import FEATURE, REGION, SERVICE, TENANT
from .cells import Cell, full, literal, plain

# What a message is that has no figure, and why it is left out.
_NO_USAGE = {
    "level": "percentages, rates and figures of AWS's own agents: no quantities that add up",
    "platform": "Lambda's own lines that are no report",
    "control": "test messages of a subscription",
    "inferred": "segments that X-Ray inferred from what others say",
    "unfinished": "segments still in progress",
    "part": "parts of a segment without a figure",
}


class ServiceLog(Source):
    """What is read is told from the content: CloudWatch's embedded metrics; Lambda's reports; calls of DynamoDB that
    tell their capacity; X-Ray's segments. Bare, in exports and deliveries of log groups, in answers of Logs Insights.

    Fields are known by name without case and separators: `tenantId` is `tenant_id`. A figure whose message names no
    tenant is that of the tenant whom the other messages of its request name, in all files that land together.
    """

    kind: ClassVar[str] = "service_log"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Usage,)

    tenant: Annotated[tuple[str, ...], Field(description="fields that name the tenant, the best first")] = (
        *TENANT, "organization_id", "org_id", "workspace_id",
    )  # fmt: skip
    feature: Annotated[tuple[str, ...], Field(description="fields that name the feature")] = FEATURE
    service: Annotated[
        tuple[str, ...], Field(description="fields that name the service of a metric, as the bill writes it")
    ] = (*SERVICE, "service")
    region: Annotated[tuple[str, ...], Field(description="fields that name the region")] = (
        *REGION, "aws_region",
    )  # fmt: skip
    resource: Annotated[tuple[str, ...], Field(description="fields that name the resource")] = (
        "cloud.resource_id", "resource_id", "function_arn", "function_name",
    )  # fmt: skip

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return sample.format is Format.SERVICE_LOG

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        if samples:
            yield Batch(tuple(sample.path for sample in samples), Format.SERVICE_LOG, (self._usage(),))

    def _usage(self) -> RowMapping:
        at, number, resource = Cell("observed").time(), Cell("number"), self._named(self.resource)
        columns = {
            "id": "event || CASE WHEN _nth > 1 THEN '#' || _nth ELSE '' END",
            "source": literal(self.kind),
            "time": at,
            "day": f"CAST({at} AS DATE)",
            "tenant_id": f"COALESCE(_tenant, {literal(UNATTRIBUTED)})",
            "feature_id": self._named(self.feature),
            "service_name": f"COALESCE(service, {self._named(self.service)})",
            # A function is no table, which a call of another service may leave unnamed.
            "resource_id": f"COALESCE(resource, CASE WHEN kind NOT IN ('capacity', 'call') THEN {resource} END)",
            "region": f"COALESCE(region, {self._named(self.region)})",
            "meter": "meter",
            "quantity": number.number(QUANTITY_PLACES),
        }
        repairs = (
            (
                f"quantity has more than {QUANTITY_PLACES} decimals: rounded half to even",
                number.rounded_number(QUANTITY_PLACES),
            ),
            ("negative quantity, taken as a correction", f"{number.number(QUANTITY_PLACES)} < 0"),
            ("requests that name several tenants: unattributed", "_tenant IS NULL AND _some <> _other"),
        )
        aside = (
            *((why, f"kind = {literal(kind)}") for kind, why in _NO_USAGE.items()),
            ("log lines without a tenant or a figure", "kind = 'log' AND _own IS NULL"),
        )
        reserved = full("COALESCE(_tenant, '')", r"\(.*\)")
        rejects = (("tenant_id in parentheses is reserved", reserved),)
        return RowMapping(Usage, columns, rejects, repairs, aside=aside, asked=self._asked())

    def _asked(self) -> dict[str, str]:
        paths = ", ".join(literal(f"/{key}") for key in self._keys())
        # A row without a request is a request by itself.
        one = "(PARTITION BY COALESCE(request, _delivery || ':' || _row))"
        equal = "(PARTITION BY _delivery, event ORDER BY COALESCE(occurrence, lpad(CAST(_row AS VARCHAR), 19, '0')))"
        return {
            "_said": f"json_extract_string(fields, [{paths}])",
            "_own": self._named(self.tenant),
            "_some": f"min(_own) OVER {one}",
            "_other": f"max(_own) OVER {one}",
            "_tenant": "COALESCE(_own, CASE WHEN _some = _other THEN _some END)",
            "_nth": f"dense_rank() OVER {equal}",
        }

    def _keys(self) -> list[str]:
        fields = (self.tenant, self.feature, self.service, self.region, self.resource)
        return list(dict.fromkeys(plain(key) for keys in fields for key in keys)) or [""]

    def _named(self, keys: Sequence[str]) -> str:
        """SQL: what the first of these fields says that says anything."""
        every = self._keys()
        said = [f"NULLIF(_said[{every.index(plain(key)) + 1}], '')" for key in keys]
        return Cell(f"COALESCE({', '.join([*said, 'NULL'])})", "TEXT").text()

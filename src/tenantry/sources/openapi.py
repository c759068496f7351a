"""OpenAPI documents of versions 2 and 3, in JSON or YAML: which routes there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from ..datasets.documents import ApiDocuments
from ..kernel.dataset import Dataset
from ..kernel.source import Batch, Format, RowMapping, Sample, Source
from .cells import literal

_ELSEWHERE = (
    "refers to other files, which are not read: paths that do are left out; bundle it into one",
    r"""regexp_matches(document, '"\$ref": "[^#"]')""",
)


class OpenApi(Source):
    """Descriptions of the vendor's own APIs. One that lands again, by its file's name, title and server, replaces."""

    kind: ClassVar[str] = "openapi"
    lands: ClassVar[tuple[type[Dataset], ...]] = (ApiDocuments,)

    hosts: Annotated[
        tuple[str, ...],
        Field(description="the hosts under which the log sees the API, in place of the document's servers"),
    ] = ()

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return sample.format is Format.OPENAPI

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        columns = {
            "name": r"regexp_extract(_file, '[^/\\]*$')",
            "title": "COALESCE(title, '')",
            "server": "COALESCE(server, '')",
            "version": "COALESCE(version, '')",
            "hosts": f"CAST([{', '.join(map(literal, self.hosts))}] AS VARCHAR[])",
            "delivery": "_delivery",
            "document": "document",
        }
        if samples:
            files = tuple(sample.path for sample in samples)
            yield Batch(files, Format.OPENAPI, (RowMapping(ApiDocuments, columns, repairs=(_ELSEWHERE,)),))

"""Methods of forecasting that somebody wrote: how each did beside the default, and which is used from when on."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from ..kernel import Code
from ..kernel.dataset import (
    Column,
    Count,
    Dataset,
    Dimension,
    Key,
    Note,
    OptionalDimension,
    Ratio,
    Role,
    Time,
)

Origin = Annotated[date, Column(Role.KEY, "DATE")]
Libraries = Literal["none", "numpy"]


class ForecastTrials(Dataset):
    """How a method written as code did beside the default, in one currency, when the month `origin` was over.

    `method` names the code by its digest. Errors are mean absolute errors of the forecasts of tenants' cost and revenue
    made in the 12 months before, over `tested` forecast months, on each tenant's own scale. `luck_of_tenants` and
    `luck_of_months` are the chance of such a gain for a method that is no better. `against` says why it is not
    accepted; null: it is. Filled by the tool `cost_forecast.try_method`. `at` is UTC.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("method", "origin", "currency")

    method: Key
    origin: Origin
    currency: Key
    against: Note
    error: Ratio
    default_error: Ratio
    luck_of_tenants: Ratio
    luck_of_months: Ratio
    cover80: Ratio
    default_cover80: Ratio
    cover95: Ratio
    default_cover95: Ratio
    months: Count
    tested: Count
    libraries: Dimension
    code: Note
    by: Dimension
    at: Time

    @property
    def accepted(self) -> bool:
        return self.against is None


class ForecastMethods(Dataset):
    """Which method forecasts are made by from the origin `since` on, until a later row; null: the default.

    Filled by the tools `cost_forecast.use_method` and `stop_method`: somebody said yes to this very code. `at` is UTC.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("since",)

    since: Origin
    method: OptionalDimension
    libraries: OptionalDimension
    code: Note
    by: Dimension
    at: Time


def code_of(text: str, libraries: str) -> Code:
    return Code(text, numpy=libraries == "numpy")

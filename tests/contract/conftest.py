"""The vendor of three months, built once."""

from __future__ import annotations

import pytest
from small_vendor import SmallVendor
from three_months import three_months

from tenantry.runtime.call import Runtime


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallVendor, Runtime]:
    return three_months(tmp_path_factory.mktemp("three_months"))


@pytest.fixture(scope="session")
def vendor(built: tuple[SmallVendor, Runtime]) -> SmallVendor:
    return built[0]


@pytest.fixture(scope="session")
def runtime(built: tuple[SmallVendor, Runtime]) -> Runtime:
    return built[1]

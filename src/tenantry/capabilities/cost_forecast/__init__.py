"""Cost forecast: what tenants, tiers and the whole will cost and earn in the six months ahead, and how sure that is."""

from __future__ import annotations

from pathlib import Path

from ...datasets import ForecastAccuracy, ForecastMethods, Forecasts, ForecastTrials, Margin
from ...kernel import Capability
from .ahead import accuracy, drivers, forecast, scenario
from .methods import methods, stop_method, try_method, use_method

CAPABILITY = Capability(
    name="cost_forecast",
    question="What will each tenant cost and earn us in six months, and how sure is that?",
    datasets=(Forecasts, ForecastAccuracy, ForecastTrials, ForecastMethods, Margin),
    tools=(forecast, accuracy, drivers, scenario, methods, try_method, use_method, stop_method),
    examples=(
        "What will we spend in the next six months?",
        "Which tenants will cost most in half a year?",
        "How good were our forecasts so far?",
        "What if we raised prices by 5 %?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)

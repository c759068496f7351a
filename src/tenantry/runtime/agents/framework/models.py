"""Language models: opened from settings, asked with patience, their errors in our words."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic_ai import (
    ModelMessage,
    ModelResponse,
    ModelSettings,
    RequestUsage,
    RunContext,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UserError,
)
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelServerError,
    ModelUnavailableError,
    RunCancelled,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel

from ....errors import Kind, TenantryError, invalid

R = TypeVar("R")
_WORTH_ANOTHER_TRY = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError)
_LONGEST_WAIT = 30.0
"""Seconds a provider may ask us to wait before the next try; if it asks for more, we give up."""
_OLLAMA = "http://localhost:11434/v1"


@dataclass(frozen=True)
class Choice:
    """Which model, where, and with how much patience. Seconds; `retries` are tries after the first."""

    provider: str
    name: str
    base_url: str | None = None
    api_key: str | None = None
    region: str | None = None
    timeout: float = 60
    retries: int = 2
    max_output_tokens: int = 4096

    @classmethod
    def of(cls, model: str, **others: Any) -> Choice:
        """That of `PROVIDER:NAME`. Raises `invalid`."""
        provider, _, name = model.partition(":")
        if provider not in _OPEN or not name:
            raise invalid(f"no model {model!r}", f"write PROVIDER:NAME, of {', '.join(_OPEN)}")
        return cls(provider, name, **others)


def open_model(choice: Choice) -> Model:
    """The model, ready to be entered; made for one event loop. Raises `invalid` where it cannot be asked so."""
    try:
        return Patient(_OPEN[choice.provider](choice), choice.retries)
    except ImportError as missing:
        extra = "bedrock" if choice.provider == "bedrock" else "agent"
        raise invalid(
            f"{choice.provider}: {missing.name} is not installed", f"pip install 'tenantry[{extra}]'"
        ) from None
    except UserError as problem:
        raise invalid(
            f"{choice.provider}: {problem.message}", "set TENANTRY_AGENT__API_KEY, or the variable named"
        ) from None


def _settings(choice: Choice) -> ModelSettings:
    return ModelSettings(timeout=choice.timeout, max_retries=0, max_tokens=choice.max_output_tokens)


def _anthropic(choice: Choice) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(api_key=choice.api_key, base_url=choice.base_url)
    return AnthropicModel(choice.name, provider=provider, settings=_settings(choice))


def _bedrock(choice: Choice) -> Model:
    import boto3  # pyright: ignore[reportMissingTypeStubs]
    from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
    from botocore.exceptions import BotoCoreError  # pyright: ignore[reportMissingTypeStubs]
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider

    config = Config(
        read_timeout=choice.timeout, connect_timeout=choice.timeout, retries={"total_max_attempts": 1}
    )
    session: Any = boto3.Session(region_name=choice.region)
    try:
        client = session.client("bedrock-runtime", config=config, endpoint_url=choice.base_url)
    except BotoCoreError as problem:
        raise invalid(f"bedrock: {problem}", "set agent.region, and AWS's variables for who asks") from None
    provider = BedrockProvider(bedrock_client=client)
    settings = ModelSettings(max_tokens=choice.max_output_tokens)
    return BedrockConverseModel(choice.name, provider=provider, settings=settings)


def _google(choice: Choice) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(api_key=choice.api_key, base_url=choice.base_url)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return GoogleModel(choice.name, provider=provider, settings=_settings(choice))


def _openai(choice: Choice) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=choice.base_url, api_key=choice.api_key)
    return OpenAIChatModel(choice.name, provider=provider, settings=_settings(choice))


def _compatible(choice: Choice) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    provider = OpenAICompatibleProvider("compatible", base_url=choice.base_url or "", api_key=choice.api_key)
    return OpenAIChatModel(choice.name, provider=provider, settings=_settings(choice))


def _ollama(choice: Choice) -> Model:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    provider = OllamaProvider(base_url=choice.base_url or _OLLAMA, api_key=choice.api_key)
    return OllamaModel(choice.name, provider=provider, settings=_settings(choice))


_OPEN: dict[str, Callable[[Choice], Model]] = {
    "anthropic": _anthropic,
    "bedrock": _bedrock,
    "compatible": _compatible,
    "google": _google,
    "ollama": _ollama,
    "openai": _openai,
}


class Patient(WrapperModel):
    """A model asked again where it could not be reached or was too busy: after the time it asks for, else twice as long
    each time. What has begun to stream is not asked again.
    """

    def __init__(self, wrapped: Model, retries: int, first_wait: float = 0.5) -> None:
        super().__init__(wrapped)
        self._waits = [first_wait * 2**n for n in range(retries)]

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        ask = super().request
        return await self._patiently(lambda: ask(messages, model_settings, model_request_parameters))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        ask = super().request_stream
        async with AsyncExitStack() as stack:
            yield await self._patiently(
                lambda: stack.enter_async_context(
                    ask(messages, model_settings, model_request_parameters, run_context)
                )
            )

    async def _patiently(self, ask: Callable[[], Awaitable[R]]) -> R:
        for wait in self._waits:
            try:
                return await ask()
            except _WORTH_ANOTHER_TRY as problem:
                if problem.retry_after is not None and problem.retry_after > _LONGEST_WAIT:
                    raise
                await sleep(wait if problem.retry_after is None else problem.retry_after)
        return await ask()


def has_price(model: Model) -> bool:
    """Whether the price list that came with the library has the model."""
    one = RequestUsage(input_tokens=1, output_tokens=1)
    try:
        ModelResponse([], usage=one, model_name=model.model_name, provider_name=model.system).cost()
    except LookupError:
        return False
    return True


def translated(problem: AgentRunError) -> TenantryError:
    """What went wrong with a model, as everything else that goes wrong. Never holds what the provider was sent."""
    match problem:
        case UsageLimitExceeded():
            found = TenantryError(
                Kind.LIMIT_EXCEEDED, "the question takes more than [agent] allows", str(problem)
            )
        case ModelContextWindowExceededError():
            found = TenantryError(
                Kind.LIMIT_EXCEEDED, "the conversation is longer than the model takes", "begin anew"
            )
        case ModelAuthenticationError():
            found = invalid(
                f"the provider refuses the key of {problem.model_name}", "check it, and what it may do"
            )
        case ModelNotFoundError():
            found = invalid(f"the provider has no model {problem.model_name}", "mend agent.model")
        case ModelQuotaExceededError():
            found = TenantryError(
                Kind.UNAVAILABLE, "the provider's quota is used up", "raise it with the provider"
            )
        case ModelRequestRejectedError():
            found = TenantryError(
                Kind.BROKEN_CONTRACT, f"the provider refuses the request{_code(problem)}", ""
            )
        case ModelAPIError():
            found = TenantryError(
                Kind.UNAVAILABLE, f"the model cannot be asked{_code(problem)}", "try again later"
            )
        case RunCancelled():
            found = TenantryError(Kind.UNAVAILABLE, "the model took too long", "raise agent.run_seconds")
        case UnexpectedModelBehavior():
            found = TenantryError(
                Kind.BROKEN_CONTRACT, "the model's reply is none", "try again, or another model"
            )
        case _:
            found = TenantryError(Kind.UNAVAILABLE, f"the run ended: {type(problem).__name__}", "try again")
    return found


def _code(problem: ModelAPIError) -> str:
    return f": HTTP {problem.status_code}" if isinstance(problem, ModelHTTPError) else ""

"""Settings: one file, `tenantry.toml`, and the environment above it. Only `app` reads this module."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from .errors import Kind, TenantryError, invalid
from .kernel import AccessRole

FILE = Path("tenantry.toml")
PREFIX = "TENANTRY_"
DEBUG = "TENANTRY_DEBUG"
"""No setting: asks the command line for stack traces."""


_HOST = r"^(https://[^/?#]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)"
"""HTTPS, or this machine."""
_SECRETS = (
    ("auth", "oidc", "client_secret"),
    ("agent", "api_key"),
    ("mcp", "*", "token"),
    ("a2a", "*", "token"),
)
"""Keys to them; `*` is any."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _each_with_its_kind(sources: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    without = [name for name, table in sources.items() if not isinstance(table.get("kind"), str)]
    if without:
        raise ValueError(f"no `kind` in {', '.join(without)}")
    return sources


class LakeSettings(_Table):
    """`[lake]`: where datasets are kept."""

    path: Annotated[Path, Field(description="folder of the lake, from the working directory")] = Path(
        ".tenantry"
    )


class EngineSettings(_Table):
    """`[engine]`: what runs the queries."""

    url: Annotated[str, Field(description="`duckdb`: embedded, in this process")] = "duckdb"
    memory_limit: Annotated[
        str,
        Field(
            pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B|%)$",
            description="the embedded engine's bound, such as `4GB` or `50%`",
        ),
    ] = "4GB"
    threads: Annotated[int | None, Field(ge=1, description="all cores if not given")] = None


class StateSettings(_Table):
    """`[state]`: where decisions, audit and tokens are kept."""

    url: Annotated[
        str | None,
        Field(
            description="`sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`; by default a file in the lake"
        ),
    ] = None


class OidcSettings(_Table):
    """`[auth.oidc]`: people log in with an OpenID provider."""

    issuer: Annotated[str, Field(pattern=_HOST, description="the provider's issuer, to the letter")]
    client_id: Annotated[str, Field(min_length=1, description="as which the provider knows this service")]
    client_secret: Annotated[
        SecretStr | None,
        Field(
            description="from the environment only: `TENANTRY_AUTH__OIDC__CLIENT_SECRET`; none for a public client"
        ),
    ] = None
    scopes: Annotated[str, Field(description="what is asked for")] = "openid profile email"
    role_claim: Annotated[str, Field(description="the claim that says what somebody may; may be a path")] = (
        "roles"
    )
    roles: Annotated[
        dict[str, AccessRole],
        Field(description="values of that claim to roles; of several the highest counts"),
    ] = {}
    default_role: Annotated[
        AccessRole | None,
        Field(description="of those whom no value gives a role; without it they are refused"),
    ] = None
    tenant_claim: Annotated[
        str | None,
        Field(description="the claim that binds somebody to a tenant; without it all see all tenants"),
    ] = None
    unbound: Annotated[
        bool,
        Field(description="whether those without the tenant claim see all tenants; else they are refused"),
    ] = False


class AuthSettings(_Table):
    """`[auth]`: who may ask over HTTP."""

    required: Annotated[
        bool | None,
        Field(
            description="whether also callers on this machine must say who they are; left out: once a token was made or"
            " people can log in"
        ),
    ] = None
    public_url: Annotated[
        str | None,
        Field(
            pattern=_HOST + "/?$",
            description="how browsers reach the service, without a path; `[auth.oidc]` needs it",
        ),
    ] = None
    session_hours: Annotated[float, Field(gt=0, le=744, description="how long a login holds")] = 12
    oidc: OidcSettings | None = None

    @model_validator(mode="after")
    def _browsers_can_come_back(self) -> AuthSettings:
        if self.oidc and not self.public_url:
            raise ValueError("public_url is needed with [auth.oidc]: the provider sends browsers back there")
        return self


class LimitSettings(_Table):
    """`[limits]`: how many requests are answered; ten seconds' worth may come at once."""

    calls_per_second: Annotated[float, Field(gt=0, description="of each token or person")] = 100
    intake_per_second: Annotated[
        float, Field(gt=0, description="of each token, of what the intake takes")
    ] = 20_000
    strangers_per_second: Annotated[
        float,
        Field(
            gt=0, description="of each address that has not said who it is, and of tokens that do not hold"
        ),
    ] = 10
    outward_calls_per_day: Annotated[
        int,
        Field(gt=0, description="of other people's MCP servers and agents, in a UTC day, over all who ask"),
    ] = 1_000
    outward_cost_per_day: Annotated[
        Decimal | None,
        Field(
            ge=0,
            description="USD, by what `cost_per_call` of each says; a call of which nothing is said is refused then",
        ),
    ] = None


class TelemetrySettings(_Table):
    """`[telemetry]`: what the service tells about itself."""

    traces: Annotated[
        str | None,
        Field(
            description="an OTLP/HTTP endpoint such as `http://localhost:4318/v1/traces`; without one, none"
        ),
    ] = None


class PublishSettings(_Table):
    """`[publish]`: where other programs read the datasets, after each build."""

    folder: Annotated[Path | None, Field(description="a folder of Parquet files for each dataset")] = None
    url: Annotated[
        str | None,
        Field(description="a PostgreSQL database, for tables; `state`: the state store's own"),
    ] = None
    schema_: Annotated[str, Field(alias="schema", description="the tables' schema")] = "tenantry"
    reader: Annotated[str | None, Field(description="a role of the database that may read the tables")] = None


class ScheduleSettings(_Table):
    """`[schedules.NAME]`: a job that is asked for by the clock."""

    cron: Annotated[
        str,
        Field(
            description="minute, hour, day, month, weekday as in a crontab, in UTC; or `@daily` and its kin"
        ),
    ]
    job: Annotated[str, Field(description="`land`, `build`, `run` or `tidy`")]
    names: Annotated[
        tuple[str, ...], Field(description="of the sources, datasets or capabilities; all if left out")
    ] = ()


class BooksSettings(_Table):
    """`[books]`: which months are closed."""

    closed_through: Annotated[
        str | None,
        Field(
            pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
            description="the last closed month, such as `2026-06`; not given: as it was",
        ),
    ] = None


class AskingSettings(_Table):
    """`[asking]`: how questions in plain words are understood without a language model."""

    sentences: Annotated[
        Path | None,
        Field(
            description="a folder with the model all-MiniLM-L6-v2 (`model.safetensors`, `vocab.txt`): a question whose"
            " words are not known is then asked back with the figures that it is likely about"
        ),
    ] = None


class AgentSettings(_Table):
    """`[agent]`: the language model that plans and words answers. Without one, Tenantry plans and words by itself."""

    model: Annotated[
        str,
        Field(
            pattern=r"^$|^offline$|^(anthropic|bedrock|compatible|google|ollama|openai):\S+$",
            description="`PROVIDER:NAME`; providers: `anthropic`, `bedrock`, `google`, `ollama`, `openai`, and"
            " `compatible` for what speaks OpenAI's protocol at `base_url`; empty: no model;"
            " `offline`: the agents with Tenantry's own planner in a model's place",
        ),
    ] = ""
    base_url: Annotated[
        str | None,
        Field(
            pattern="^https?://[^/?#]+", description="where the provider is asked, if not where it usually is"
        ),
    ] = None
    api_key: Annotated[
        SecretStr | None,
        Field(
            description="from the environment only: `TENANTRY_AGENT__API_KEY`, or the variable that the provider's own"
            " programs read, such as `ANTHROPIC_API_KEY`; Bedrock takes AWS's own"
        ),
    ] = None
    region: Annotated[str | None, Field(description="of Bedrock; else as AWS's own programs find it")] = None
    prompts: Annotated[
        Path | None,
        Field(
            description="a folder of your own instructions: `CAPABILITY.md` for one specialist, `supervisor.md` for the"
            " one who asks them"
        ),
    ] = None
    max_cost_per_run: Annotated[Decimal, Field(gt=0, description="USD, of one question")] = Decimal(1)
    max_cost_per_day: Annotated[Decimal, Field(gt=0, description="USD, of all questions of a UTC day")] = (
        Decimal(50)
    )
    input_price: Annotated[
        Decimal | None,
        Field(
            ge=0,
            description="USD for a million tokens read, of a model that the price list of the library does not know, or"
            " knows otherwise than your contract; 0 where it costs nothing, as with `ollama` if nothing is said",
        ),
    ] = None
    output_price: Annotated[
        Decimal | None, Field(ge=0, description="the same of tokens written; both or neither")
    ] = None
    max_tokens_per_run: Annotated[int, Field(gt=0, description="read and written, of one question")] = 400_000
    max_tokens_per_day: Annotated[int, Field(gt=0, description="of all questions of a UTC day")] = 20_000_000
    max_requests_per_run: Annotated[int, Field(gt=0, description="to the model, for one question")] = 24
    max_output_tokens: Annotated[int, Field(gt=0, description="that one reply may have")] = 4_096
    timeout_seconds: Annotated[float, Field(gt=0, description="to wait for one reply")] = 60
    run_seconds: Annotated[float, Field(gt=0, description="for one question")] = 180
    retries: Annotated[
        int, Field(ge=0, le=10, description="of a request that the provider could not take")
    ] = 2

    @model_validator(mode="after")
    def _somewhere_to_ask(self) -> AgentSettings:
        if self.model.startswith("compatible:") and not self.base_url:
            raise ValueError("base_url is needed with a model of `compatible:`")
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price go together")
        return self

    @property
    def price(self) -> tuple[Decimal, Decimal] | None:
        """USD for a million tokens read and written, where the settings know it."""
        if self.input_price is not None and self.output_price is not None:
            return self.input_price, self.output_price
        free = self.model == "offline" or self.model.startswith("ollama:")
        return (Decimal(0), Decimal(0)) if free else None


class DecisionSettings(_Table):
    """`[decisions]`: what waits for a person's yes or no."""

    expire_days: Annotated[
        float, Field(gt=0, le=366, description="that a proposal waits; then it cannot be approved any more")
    ] = 7


class RetentionSettings(_Table):
    """`[retention]`: for how long what is over is kept; the job `tidy` deletes it then."""

    versions_days: Annotated[
        float,
        Field(
            gt=0,
            description="that files of tables are kept once others took their place, and files that were brought and"
            " not landed",
        ),
    ] = 7
    history_days: Annotated[
        float, Field(gt=0, description="that jobs, questions, answers and agents' runs are kept once over")
    ] = 400


class SandboxSettings(_Table):
    """`[sandbox]`: where code runs that a person or a language model wrote, such as a method of forecasting."""

    numpy: Annotated[
        bool,
        Field(description="whether code may need numpy and pandas; it runs in bubblewrap then, on Linux"),
    ] = False
    seconds: Annotated[
        float, Field(gt=0, le=600, description="that code may take for the forecasts of a month")
    ] = 10
    memory_mb: Annotated[int, Field(ge=16, description="that code may take, beyond its libraries")] = 256


class Settings(_Table):
    """Everything `tenantry.toml` may say. Tables left as mappings are read by those they are for."""

    lake: LakeSettings = LakeSettings()
    engine: EngineSettings = EngineSettings()
    state: StateSettings = StateSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    publish: PublishSettings = PublishSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    sources: Annotated[
        dict[str, dict[str, Any]],
        AfterValidator(_each_with_its_kind),
        Field(description="a name of your choice to the fields of its `kind`"),
    ] = {}
    allocation: Annotated[dict[str, Any], Field(description="the allocation policy")] = {}
    routing: Annotated[
        dict[str, Any], Field(description="whose the requests of access logs are, and which feature they use")
    ] = {}
    schedules: Annotated[
        dict[str, ScheduleSettings], Field(description="a name of your choice to a job and when it is due")
    ] = {}
    books: BooksSettings = BooksSettings()
    asking: AskingSettings = AskingSettings()
    agent: AgentSettings = AgentSettings()
    mcp: Annotated[
        dict[str, dict[str, Any]], Field(description="a name of your choice to an external MCP server")
    ] = {}
    a2a: Annotated[
        dict[str, dict[str, Any]], Field(description="a name of your choice to another's agent")
    ] = {}
    decisions: DecisionSettings = DecisionSettings()
    sandbox: SandboxSettings = SandboxSettings()
    retention: RetentionSettings = RetentionSettings()
    business_context: Annotated[
        str, Field(description="in a few sentences, how the vendor's service works and earns")
    ] = ""


def load(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a file, overridden by the environment: `TENANTRY_ENGINE__THREADS` is `engine.threads`.

    Without a path, `tenantry.toml` of the working directory if there is one, else the defaults. Raises
    `not_found` for a path that names no file, and `invalid` with every problem at once.
    """
    given = _read(path or FILE) if path or FILE.is_file() else {}
    _refuse_secrets(given)
    variables = {
        tuple(_keys(name)): name for name in environment if name.startswith(PREFIX) and name != DEBUG
    }
    for keys, name in variables.items():
        _put(given, keys, environment[name])
    try:
        return Settings.model_validate(given)
    except ValidationError as found:
        problems = [_described(problem, variables) for problem in found.errors(include_url=False)]
        raise invalid(
            f"settings: {'; '.join(problems)}",
            f"mend {path or FILE} or the environment; `tenantry init` writes one with every setting",
            problems=problems,
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise TenantryError(
            Kind.NOT_FOUND, f"no settings file {path}", "`tenantry init` writes one"
        ) from None
    except OSError as problem:
        raise TenantryError(Kind.FORBIDDEN, f"{path}: {problem.strerror}", "check who may read it") from None
    except UnicodeDecodeError:
        raise invalid(f"{path} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as problem:
        raise invalid(f"{path} is not TOML: {problem}", "`tenantry init` writes an example") from None


def _refuse_secrets(given: Mapping[str, Any]) -> None:
    """Raises `invalid` for a secret in the file: files are copied, shown and committed."""
    for found in (keys for pattern in _SECRETS for keys in _found(given, pattern)):
        variable = PREFIX + "__".join(found).upper()
        raise invalid(f"settings: {'.'.join(found)} stands in the file", f"take it out, and set {variable}")


def _found(tree: Any, pattern: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The keys of a tree that fit a pattern and hold something."""
    if not pattern:
        yield from [()] if tree is not None else []
    elif isinstance(tree, Mapping):
        table = cast("Mapping[str, Any]", tree)
        for key in table if pattern[0] == "*" else [pattern[0]]:
            yield from ((key, *rest) for rest in _found(table.get(key), pattern[1:]))


def _keys(variable: str) -> list[str]:
    return variable.removeprefix(PREFIX).lower().split("__")


def _put(tree: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    for key in keys[:-1]:
        branch = tree.get(key)
        if not isinstance(branch, dict):
            branch = tree[key] = {}
        tree = branch
    tree[keys[-1]] = value


def _described(problem: ErrorDetails, variables: Mapping[tuple[str, ...], str]) -> str:
    keys = tuple(str(part) for part in problem["loc"])
    name = ".".join(keys) + (f" (from {variables[keys]})" if keys in variables else "")
    if problem["type"] != "extra_forbidden":
        return f"{name}: {problem['msg']}"
    known = _known_beside(keys)
    near = get_close_matches(keys[-1], known, n=1)
    return f"{name}: no such setting; " + (
        f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    )


def _known_beside(keys: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for key in keys[:-1]:
        inner = model.model_fields[key].annotation
        inner = next((kind for kind in get_args(inner) if kind is not type(None)), inner)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return list(model.model_fields)

"""What a server of Stripe's API tells becomes subscriptions, invoices and tenants; its key is told to nobody."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from acting import Vendor
from others import answering, free_port

from tenantry import app
from tenantry.datasets import Subscriptions, TenantInvoices, Tenants
from tenantry.errors import Kind, TenantryError
from tenantry.kernel.landing import Quarantine
from tenantry.sources.stripe import Stripe, subscriptions

KEY = "sk_test_12345_secret"


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    port = free_port()
    words = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    with answering(words, port, tmp_path_factory.mktemp("stripe"), "/v1/customers", (KEY, "")) as client:
        yield client


def made(stripe: httpx.Client, kind: str, **fields: Any) -> str:
    answer = stripe.post(f"/v1/{kind}", data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    found = Vendor(tmp_path / "lake", f"sqlite:///{tmp_path / 'state.db'}")
    yield found
    found.state.close()


def source(stripe: httpx.Client, **more: Any) -> Stripe:
    return Stripe.model_validate({"key": KEY, "url": str(stripe.base_url), **more})


def card(stripe: httpx.Client) -> str:
    """One that pays: what is never paid for is never subscribed to."""
    number = {
        "card[number]": "4242424242424242",
        "card[exp_month]": 12,
        "card[exp_year]": 2040,
        "card[cvc]": "123",
    }
    return made(stripe, "tokens", **number)


def customer(stripe: httpx.Client, name: str, **metadata: str) -> str:
    given = {f"metadata[{key}]": value for key, value in metadata.items()}
    return made(stripe, "customers", name=name, email=f"{name}@x.example", source=card(stripe), **given)


def seconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def test_an_account_lands_page_by_page_and_again_as_it_is_by_then(stripe: httpx.Client, vendor: Vendor):
    stripe.delete("/_config/data")
    product = made(stripe, "products", name="App", type="service")
    prices = {
        name: made(stripe, "plans", product=product, nickname=name, **fields)
        for name, fields in {
            "pro": {"amount": 12345, "currency": "usd", "interval": "month"},
            "yen": {"amount": 500, "currency": "jpy", "interval": "month"},
            "quarter": {"amount": 1000, "currency": "kwd", "interval": "month", "interval_count": 3},
            "weekly": {"amount": 100, "currency": "eur", "interval": "week"},
            "metered": {"amount": 1, "currency": "eur", "interval": "month", "usage_type": "metered"},
        }.items()
    }
    names = ["acme", *(f"t{n:03}" for n in range(104))]
    customers = {n: customer(stripe, n, tenant_id=n) for n in names}
    stranger = customer(stripe, "stranger")

    def subscribe(who: str, price: str, day: str, quantity: int = 1) -> str:
        items = {"items[0][plan]": prices[price], "items[0][quantity]": quantity}
        return made(stripe, "subscriptions", customer=who, backdate_start_date=seconds(day), **items)

    subscribe(customers["acme"], "pro", "2026-02-01", 3)
    gone = subscribe(customers["acme"], "yen", "2026-02-01")
    for _ in range(2):
        subscribe(stranger, "quarter", "2026-03-01")
    for name in ("weekly", "metered"):
        subscribe(customers["t000"], name, "2026-02-01")
    killed = vendor.engine.lake.path / "fetched" / "stripe-killed"
    killed.mkdir(parents=True)
    (killed / "customers.jsonl").touch()
    os.utime(killed, (0, 0))
    landed = vendor.plane.pull({"stripe": source(stripe)})
    assert sum(d.quarantined for d in landed.deliveries) == 2
    assert {q.reason for q in vendor.rows(Quarantine)[0]} == {
        "interval is neither month nor year", "amount is missing or cannot be read",
    }  # fmt: skip
    rows = {(s.tenant_id, s.plan.partition(" (")[0]): s for s in vendor.rows(Subscriptions)[0]}
    pro, yen = rows["acme", "pro"], rows["acme", "yen"]
    assert (pro.amount, pro.quantity, pro.currency, pro.interval) == (Decimal("123.45"), 3, "USD", "month")
    assert (yen.amount, yen.currency, yen.ended_on) == (500, "JPY", None)
    quarter = rows[stranger, "quarter"]
    assert (quarter.amount, quarter.currency, quarter.interval) == (4, "KWD", "year")
    assert len(vendor.rows(Subscriptions)[0]) == 4, "two of one plan from one day on are two"
    assert vendor.rows(Tenants)[0] == []

    stripe.post(f"/v1/subscriptions/{gone}", data={"cancel_at": seconds("2026-12-24")})
    vendor.plane.pull({"stripe": source(stripe, customers=True)})
    rows = {(s.tenant_id, s.plan): s for s in vendor.rows(Subscriptions)[0]}
    assert rows["acme", "yen"].ended_on == max(date(2026, 12, 24), rows["acme", "yen"].started_on)
    tenants = {t.tenant_id: t for t in vendor.rows(Tenants)[0]}
    assert len(tenants) == 106, "more than one page of customers"
    assert (tenants["acme"].aliases, tenants["acme"].contact_email) == ([customers["acme"]], "acme@x.example")
    assert not list((vendor.engine.lake.path / "fetched").iterdir()), "what was fetched lies nowhere"


def test_invoices_land_with_their_amounts(stripe: httpx.Client, vendor: Vendor):
    stripe.delete("/_config/data")
    who = customer(stripe, "a", org="acme")
    product = made(stripe, "products", name="App", type="service")
    price = made(stripe, "plans", product=product, amount=1999, currency="eur", interval="month")
    made(stripe, "subscriptions", customer=who, **{"items[0][plan]": price, "items[0][quantity]": 2})
    vendor.plane.pull({"stripe": source(stripe, tenant="org")})
    [found] = vendor.rows(TenantInvoices)[0]
    assert (found.tenant_id, found.amount, found.currency) == ("acme", Decimal("39.98"), "EUR")


def test_an_empty_account_is_no_error(stripe: httpx.Client, vendor: Vendor):
    stripe.delete("/_config/data")
    assert vendor.plane.pull({"stripe": source(stripe)}).deliveries == ()


def test_a_service_that_does_not_answer_or_refuses_says_so_without_its_key(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tenantry.sources.asking.sleep", lambda _: None)
    away = Stripe.model_validate({"key": KEY, "url": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(TenantryError) as raised:
        vendor.plane.pull({"stripe": away})
    assert raised.value.kind is Kind.UNAVAILABLE
    bare = Stripe.model_validate({"key": KEY, "url": "http://api.stripe.com"})
    with pytest.raises(TenantryError) as plain:
        vendor.plane.pull({"stripe": bare})
    assert plain.value.kind is Kind.INVALID
    assert KEY not in f"{raised.value} {plain.value} {away!r} {caplog.text}"


def test_the_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("tenantry.toml").write_text('[sources.stripe]\nkind = "stripe"\n', encoding="utf-8")
    monkeypatch.setenv("TENANTRY_SOURCES__STRIPE__KEY", KEY)
    found = app.sources()["stripe"]
    assert isinstance(found, Stripe)
    assert found.key.get_secret_value() == KEY
    monkeypatch.delenv("TENANTRY_SOURCES__STRIPE__KEY")
    with pytest.raises(TenantryError):
        app.sources()


def test_discounts_that_are_told_by_their_id_are_asked_for(tmp_path: Path):
    price = {"id": "p", "currency": "eur", "unit_amount": 1000, "billing_scheme": "per_unit"}
    item = {"id": "si_1", "price": {**price, "recurring": {"interval": "month"}}, "discounts": ["di_2"]}
    sold = {"id": "sub_1", "customer": "cus_1", "status": "active", "start_date": seconds("2026-01-31")}
    versions: set[str | None] = set()
    expanded: dict[str, list[str]] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            versions.add(self.headers["Stripe-Version"])
            address = urlsplit(self.path)
            asked = parse_qs(address.query).get("expand[]", [])
            whole = {"data.discounts", "data.discounts.coupon.applies_to"} <= {*asked}
            tenth = {"id": "di_1", "coupon": {"id": "TENTH", "percent_off": 10, "duration": "forever"}}
            told = {**sold, "items": {"data": [item]}, "discounts": [tenth if whole else "di_1"]}
            buyer = {"id": "cus_1", "discount": {"id": "di_3", **tenth}}
            found = {"/v1/subscriptions": [told], "/v1/customers": [buyer]}.get(address.path, [])
            expanded[address.path] = asked
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": found, "has_more": False}).encode())

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        Stripe.model_validate({"key": KEY, "url": f"http://127.0.0.1:{server.server_port}"}).fetch(tmp_path)
        server.shutdown()
    rows = [json.loads(line) for line in (tmp_path / "subscriptions.jsonl").read_text().splitlines()]
    assert [(row["plan"], Decimal(row["amount"])) for row in rows] == [("p", 10), ("p (discount TENTH)", -1)]
    assert versions == {"2025-03-31.basil"}, "a discount tells its coupon in this version of the API"
    assert expanded["/v1/customers"] == ["data.discount.coupon.applies_to"]


# --- what the local server does not do: objects as the API's reference has them -------------------------


def subscribed(
    price: dict[str, Any] | None = None,
    quantity: int = 2,
    of_item: Sequence[Any] = (),
    customer: dict[str, Any] | None = None,
    **more: Any,
) -> list[Any]:
    item = {
        "discounts": of_item,
        "id": "si_1",
        "quantity": quantity,
        "current_period_end": seconds("2026-05-01"),
        "price": {
            "id": "price_1", "currency": "eur", "unit_amount": 1000, "unit_amount_decimal": "1000",
            "billing_scheme": "per_unit",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
            **(price or {}),
        },
    }  # fmt: skip
    given = {
        "id": "sub_1",
        "customer": "cus_1",
        "status": "active",
        "start_date": seconds("2026-01-31"),
        **more,
    }
    rows = subscriptions(
        {**given, "items": {"data": [item]}},
        {"cus_1": "acme"},
        {"cus_1": {"id": "cus_1", **(customer or {})}},
    )
    return [
        (r["plan"], str(r["amount"]), str(r["started_on"]), str(r["ended_on"] or ""), r["quantity"])
        for r in rows
    ]


FULL = ("price_1", "10.00", "2026-01-31", "", 2)


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ({}, [FULL]),
        ({"price": {"unit_amount_decimal": "0.5"}}, [("price_1", "0.005", "2026-01-31", "", 2)]),
        ({"price": {"transform_quantity": {"divide_by": 10}}}, [("price_1", "None", "2026-01-31", "", 2)]),
        ({"price": {"currency": "isk"}}, [FULL]),
        ({"price": {"currency": "bhd"}}, [("price_1", "1.000", "2026-01-31", "", 2)]),
        ({"trial_end": seconds("2026-02-14")}, [("price_1", "10.00", "2026-02-14", "", 2)]),
        ({"cancel_at_period_end": True}, [("price_1", "10.00", "2026-01-31", "2026-05-01", 2)]),
        ({"ended_at": seconds("2026-01-15")}, [("price_1", "10.00", "2026-01-31", "2026-01-31", 2)]),
        ({"status": "incomplete_expired"}, [("price_1", "10.00", "2026-01-31", "2026-01-31", 2)]),
        (
            {"discount": {"coupon": {"id": "TENTH", "percent_off": 12.5, "duration": "forever"}}},
            [FULL, ("price_1 (discount TENTH)", "-2.50", "2026-01-31", "", 1)],
        ),
        (
            {"discounts": [{"start": seconds("2026-02-01"), "end": seconds("2026-04-01"),
                            "coupon": {"id": "FIVE", "amount_off": 500, "currency": "eur", "duration": "repeating"}}]},
            [FULL, ("price_1 (discount FIVE)", "-5.00", "2026-02-01", "2026-04-01", 1)],
        ),
        (
            {"discounts": [{"coupon": {"id": "ONCE", "percent_off": 50, "duration": "once"}}]},
            [FULL, ("price_1 (discount ONCE)", "-10.00", "2026-01-31", "2026-02-28", 1)],
        ),
        (
            {"of_item": [{"coupon": {"id": "ITEM", "percent_off": 20, "duration": "forever"}}]},
            [FULL, ("price_1 (discount ITEM)", "-4.00", "2026-01-31", "", 1)],
        ),
    ],
)  # fmt: skip
def test_prices_trials_ends_and_discounts(more: dict[str, Any], rows: list[Any]):
    found = subscribed(**more)
    assert [(n, str(Decimal(a).normalize()) if a != "None" else a, *r) for n, a, *r in found] == [
        (n, str(Decimal(a).normalize()) if a != "None" else a, *r) for n, a, *r in rows
    ]


def coupon(name: str, until: str = "", **terms: Any) -> dict[str, Any]:
    end = {"end": seconds(until)} if until else {}
    return {
        "id": f"di_{name}",
        **end,
        "coupon": {"id": name, "duration": "forever", "currency": "eur", **terms},
    }


FIFTH, TENTH = coupon("FIFTH", percent_off=20), coupon("TENTH", percent_off=10)
FIVE = coupon("FIVE", amount_off=500)


@pytest.mark.parametrize(
    ("more", "taken"),
    [
        ({"discounts": [FIFTH, TENTH]}, [("FIFTH", "-4", "", ""), ("TENTH", "-1.6", "", "")]),
        ({"discounts": [TENTH], "of_item": [FIFTH]}, [("FIFTH", "-4", "", ""), ("TENTH", "-1.6", "", "")]),
        ({"discounts": [FIVE, TENTH]}, [("FIVE", "-5", "", ""), ("TENTH", "-1.5", "", "")]),
        ({"discounts": [TENTH, FIVE]}, [("TENTH", "-2", "", ""), ("FIVE", "-5", "", "")]),
        (
            {"discounts": [coupon("FIFTH", "2026-04-01", percent_off=20), TENTH]},
            [("FIFTH", "-4", "", "2026-04-01"), ("TENTH", "-1.6", "", "2026-04-01"), ("TENTH", "-2", "2026-04-01", "")],
        ),
        (
            {"discounts": [TENTH, coupon("FIFTH", "2026-04-01", percent_off=20)]},
            [("TENTH", "-2", "", ""), ("FIFTH", "-3.6", "", "2026-04-01")],
        ),
        ({"discounts": [coupon("ALL", amount_off=9999), TENTH]}, [("ALL", "-20", "", "")]),
        ({"discounts": [coupon("ODD", amount_off=500, currency="usd"), TENTH]}, [("TENTH", "-2", "", "")]),
        ({"discounts": [TENTH], "discount": TENTH}, [("TENTH", "-2", "", "")]),
        ({"discounts": [TENTH], "of_item": [TENTH]}, [("TENTH", "-3.8", "", "")]),
        ({"customer": {"discount": FIFTH}}, [("FIFTH", "-4", "", "")]),
        ({"customer": {"discount": FIFTH}, "discounts": [TENTH]}, [("TENTH", "-2", "", "")]),
    ],
)  # fmt: skip
def test_each_discount_takes_of_what_those_before_it_leave(more: dict[str, Any], taken: list[Any]):
    first, *rows = subscribed(**more)
    assert first == FULL
    assert [(plan, Decimal(amount), start, end) for plan, amount, start, end, _ in rows] == [
        (f"price_1 (discount {name})", Decimal(amount), start or "2026-01-31", end)
        for name, amount, start, end in taken
    ]


def test_an_amount_is_taken_off_all_items_together():
    price = {"id": "p", "currency": "eur", "unit_amount": 300, "billing_scheme": "per_unit"}
    items = [{"id": f"si_{n}", "price": {**price, "recurring": {"interval": "month"}}} for n in (1, 2)]
    sold = {"id": "sub_1", "customer": "cus_1", "status": "active", "start_date": seconds("2026-01-31")}
    rows = [*subscriptions({**sold, "items": {"data": items}, "discounts": [FIVE, TENTH]}, {})]
    assert [(row["item"], row["amount"]) for row in rows[2:]] == [
        ("si_1", -3),
        ("si_2", -2),
        ("si_2", Decimal("-0.1")),
    ]


def test_a_coupon_for_some_products_is_taken_off_no_others():
    price = {
        "currency": "eur",
        "unit_amount": 300,
        "billing_scheme": "per_unit",
        "recurring": {"interval": "month"},
    }
    items = [{"id": f"si_{n}", "price": {**price, "id": f"p{n}", "product": f"prod_{n}"}} for n in (1, 2)]
    sold = {"id": "sub_1", "customer": "cus_1", "status": "active", "start_date": seconds("2026-01-31")}
    limited = coupon("SOME", percent_off=50, applies_to={"products": ["prod_2", "prod_9"]})
    rows = [*subscriptions({**sold, "items": {"data": items}, "discounts": [limited, TENTH]}, {})]
    assert [(row["plan"], row["amount"]) for row in rows[2:]] == [
        ("p2 (discount SOME)", Decimal("-1.5")),
        ("p1 (discount TENTH)", Decimal("-0.3")),
        ("p2 (discount TENTH)", Decimal("-0.15")),
    ]

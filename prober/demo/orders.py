"""What is in a basket, what was ordered, and what was called off again.

Plain functions for `Database.ask`. An order is known by its own id and by its
note: whoever knows either may cancel it, so that a probe can undo what it
ordered from another process, later, twice, or without knowing whether it did.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue

from prober.demo.data import Visitor
from prober.units import rfc3339

MOST_OF_ONE = 9  # pieces of a product in one basket
PACKING_SECONDS = 20.0  # for so long an order stands in the queue
ORDERS_KEPT = 2000
ORDERS_SHOWN = 50


class Line(NamedTuple):
    sku: str
    name: str
    cents: int
    quantity: int

    @property
    def total(self) -> int:
        return self.cents * self.quantity

    @property
    def image(self) -> str:
        return f"/static/img/{self.sku}.svg"


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    note: str
    placed: float
    cancelled: float | None
    cents: int

    def status(self, now: float) -> str:
        if self.cancelled is not None:
            return "cancelled"
        return "packing" if now - self.placed < PACKING_SECONDS else "packed"

    def to_json(self, now: float) -> dict[str, JsonValue]:
        return {
            "id": self.id,
            "note": self.note,
            "status": self.status(now),
            "placed_at": rfc3339(self.placed),
            "total": self.cents / 100,
        }


def add_to_basket(db: sqlite3.Connection, token: str, sku: str, quantity: int) -> None:
    db.execute(
        "INSERT INTO basket VALUES (?1, ?2, min(?3, ?4)) ON CONFLICT (session, sku)"
        " DO UPDATE SET quantity = min(quantity + ?3, ?4)",
        (token, sku, quantity, MOST_OF_ONE),
    )


def set_in_basket(db: sqlite3.Connection, token: str, sku: str, quantity: int) -> None:
    """Changes a line that is there; 0 takes it out."""
    if quantity <= 0:
        db.execute("DELETE FROM basket WHERE session = ? AND sku = ?", (token, sku))
        return
    db.execute(
        "UPDATE basket SET quantity = ? WHERE session = ? AND sku = ?",
        (min(quantity, MOST_OF_ONE), token, sku),
    )


def basket(db: sqlite3.Connection, token: str | None) -> list[Line]:
    rows = db.execute(
        "SELECT sku, name, cents, quantity FROM basket JOIN products USING (sku)"
        " WHERE session = ? ORDER BY position",
        (token,),
    )
    return [Line(*row) for row in rows]


def place(
    db: sqlite3.Connection, visitor: Visitor, lines: Sequence[Line], note: str, now: float
) -> str:
    """The new order's id. Its basket is empty afterwards."""
    order_id = f"K-{secrets.token_hex(6)}"  # not to be guessed: the id alone may cancel
    db.execute(
        "INSERT INTO orders VALUES (?, ?, ?, ?, NULL, ?)",
        (order_id, visitor.user, note, now, sum(line.total for line in lines)),
    )
    db.executemany(
        "INSERT INTO order_lines VALUES (?, ?, ?, ?)",
        [(order_id, line.name, line.cents, line.quantity) for line in lines],
    )
    db.execute("DELETE FROM basket WHERE session = ?", (visitor.token,))
    db.execute(
        "DELETE FROM orders WHERE id IN"
        " (SELECT id FROM orders ORDER BY placed DESC LIMIT -1 OFFSET ?)",
        (ORDERS_KEPT,),
    )
    return order_id


def cancel(db: sqlite3.Connection, ref: str, now: float) -> None:
    """Every order with this id or note; none is fine, and so is one that is cancelled already."""
    db.execute(
        "UPDATE orders SET cancelled = ?1 WHERE (id = ?2 OR note = ?2) AND cancelled IS NULL",
        (now, ref),
    )


def orders_of(db: sqlite3.Connection, user: int) -> list[Order]:
    rows = db.execute(
        "SELECT id, note, placed, cancelled, cents FROM orders WHERE user = ?"
        " ORDER BY placed DESC, rowid DESC LIMIT ?",
        (user, ORDERS_SHOWN),
    )
    return [Order(*row) for row in rows]


def order_of(db: sqlite3.Connection, user: int, order_id: str) -> tuple[Order, list[Line]] | None:
    row = db.execute(
        "SELECT id, note, placed, cancelled, cents FROM orders WHERE user = ? AND id = ?",
        (user, order_id),
    ).fetchone()
    if row is None:
        return None
    lines = db.execute(
        "SELECT '', name, cents, quantity FROM order_lines WHERE \"order\" = ? ORDER BY rowid",
        (order_id,),
    )
    return Order(*row), [Line(*line) for line in lines]


def queue_length(db: sqlite3.Connection, now: float) -> int:
    """Orders that wait to be packed."""
    row: tuple[int] = db.execute(
        "SELECT count(*) FROM orders WHERE placed > ? AND cancelled IS NULL",
        (now - PACKING_SECONDS,),
    ).fetchone()
    return row[0]


def products_listed(db: sqlite3.Connection) -> int:
    row: tuple[int] = db.execute("SELECT count(*) FROM products").fetchone()
    return row[0]

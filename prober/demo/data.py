"""Where the shop keeps its catalogue, its customers and who of them is signed in.

SQLite on one thread of its own. What can be asked are plain functions whose
first argument is the connection: here, and in `orders`. Each call of `ask` is
one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from prober.demo.catalogue import PRODUCTS, Product

EMAIL = "probe@example.com"
PASSWORD = "open-sesame-42"  # noqa: S105 - the demo's own account, printed in its config
SESSION_SECONDS = 3600.0
STRAY_SALT = b"nobody has this address"

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
  sku TEXT PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL,
  tagline TEXT NOT NULL, story TEXT NOT NULL, position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS users (
  id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  salt BLOB NOT NULL, password BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
  token TEXT PRIMARY KEY, user INTEGER REFERENCES users, expires REAL NOT NULL);
CREATE INDEX IF NOT EXISTS sessions_expire ON sessions (expires);
CREATE TABLE IF NOT EXISTS basket (
  session TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE ON UPDATE CASCADE,
  sku TEXT NOT NULL REFERENCES products, quantity INTEGER NOT NULL,
  PRIMARY KEY (session, sku)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, user INTEGER NOT NULL REFERENCES users, note TEXT NOT NULL,
  placed REAL NOT NULL, cancelled REAL, cents INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS orders_note ON orders (note);
CREATE INDEX IF NOT EXISTS orders_user ON orders (user, placed);
CREATE INDEX IF NOT EXISTS orders_placed ON orders (placed);
CREATE TABLE IF NOT EXISTS order_lines (
  "order" TEXT NOT NULL REFERENCES orders ON DELETE CASCADE,
  name TEXT NOT NULL, cents INTEGER NOT NULL, quantity INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS order_lines_order ON order_lines ("order");
"""


class Database:
    """`path` None keeps everything in memory: a demo leaves nothing behind."""

    def __init__(self, path: Path | None = None, *, password: str = PASSWORD) -> None:
        self._thread = ThreadPoolExecutor(1, "shop-database")
        try:
            self._connection = self._thread.submit(_open, path, password).result()
        except sqlite3.Error:
            self._thread.shutdown()
            raise

    async def ask(
        self,
        question: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        def answer() -> _T:
            with self._connection:
                return question(self._connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, answer)

    def close(self) -> None:
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()


def _open(path: Path | None, password: str) -> sqlite3.Connection:
    db = sqlite3.connect(path or ":memory:")
    db.execute("PRAGMA foreign_keys = ON")
    db.executescript(_SCHEMA)
    with db:
        db.executemany(
            "INSERT OR REPLACE INTO products (sku, name, cents, tagline, story, position)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(p.sku, p.name, p.cents, p.tagline, p.story, i) for i, p in enumerate(PRODUCTS)],
        )
        salt = secrets.token_bytes(16)
        db.execute(
            "INSERT INTO users (email, name, salt, password) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (email) DO UPDATE SET salt = excluded.salt, password = excluded.password",
            (EMAIL, "Probe", salt, _hashed(password, salt)),
        )
    return db


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who looks around; `token` and `user` are None for a stranger."""

    token: str | None = None
    user: int | None = None
    name: str = ""
    count: int = 0  # pieces in the basket


STRANGER = Visitor()


def products(db: sqlite3.Connection) -> list[Product]:
    rows = db.execute("SELECT sku, name, cents, tagline, story FROM products ORDER BY position")
    return [Product(*row) for row in rows]


def product(db: sqlite3.Connection, sku: str) -> Product | None:
    row = db.execute(
        "SELECT sku, name, cents, tagline, story FROM products WHERE sku = ?", (sku,)
    ).fetchone()
    return Product(*row) if row else None


def user_with(db: sqlite3.Connection, email: str, password: str) -> int | None:
    """The account that this address and password open. A wrong address takes as long."""
    row: tuple[int, bytes, bytes] | None = db.execute(
        "SELECT id, salt, password FROM users WHERE email = ?", (email.strip().lower(),)
    ).fetchone()
    user, salt, kept = row or (None, STRAY_SALT, b"")
    return user if hmac.compare_digest(_hashed(password, salt), kept) else None


def open_session(
    db: sqlite3.Connection, now: float, user: int | None = None, before: str | None = None
) -> str:
    """A fresh token; the basket of the session `before` moves over, and that one ends."""
    db.execute("DELETE FROM sessions WHERE expires <= ?", (now,))
    token = secrets.token_urlsafe(24)
    expires = now + SESSION_SECONDS
    moved = before and db.execute(
        "UPDATE sessions SET token = ?, user = ?, expires = ? WHERE token = ?",
        (token, user, expires, before),
    )
    if not moved or not moved.rowcount:
        db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (token, user, expires))
    return token


def close_session(db: sqlite3.Connection, token: str) -> None:
    db.execute("DELETE FROM sessions WHERE token = ?", (token,))


def visitor(db: sqlite3.Connection, token: str, now: float) -> Visitor:
    row = db.execute(
        "SELECT s.user, coalesce(u.name, ''),"
        " (SELECT coalesce(sum(quantity), 0) FROM basket WHERE session = s.token)"
        " FROM sessions s LEFT JOIN users u ON u.id = s.user"
        " WHERE s.token = ? AND s.expires > ?",
        (token, now),
    ).fetchone()
    if row is None:
        return STRANGER
    return Visitor(token=token, user=row[0], name=row[1], count=row[2])

"""What the shop sells."""

from __future__ import annotations

from typing import NamedTuple


class Product(NamedTuple):
    sku: str
    name: str
    cents: int
    tagline: str
    story: str

    @property
    def image(self) -> str:
        return f"/static/img/{self.sku}.svg"


PRODUCTS = (
    Product(
        "demo-1",
        "Moka pot",
        3450,
        "Three cups, no electronics",
        "Water at the bottom, coffee in the middle, patience on top. Cast aluminium with a handle that"
        " stays cool, for gas and electric stoves.",
    ),
    Product(
        "demo-2",
        "Enamel mug",
        1290,
        "Survives the campfire and the office",
        "Steel under two coats of enamel, with a rim in deep blue. Chips are a sign of character and"
        " not covered by anything.",
    ),
    Product(
        "demo-3",
        "Desk lamp",
        6900,
        "Looks where you look",
        "A jointed arm, a heavy foot and a warm bulb. Bends over a book without being asked twice.",
    ),
    Product(
        "demo-4",
        "Window plant",
        1850,
        "Forgives a forgotten week",
        "Grows towards the light and away from worries. Comes in its own clay pot with a saucer.",
    ),
    Product(
        "demo-5",
        "Pocket radio",
        4200,
        "Two knobs, every station",
        "Finds the match report in the middle of nowhere. Runs for a month on two small batteries.",
    ),
    Product(
        "demo-6",
        "Umbrella",
        2700,
        "Eight ribs against the weather",
        "Opens at the push of a thumb and closes without a fight. The handle is ash wood.",
    ),
    Product(
        "demo-7",
        "Bicycle bell",
        990,
        "Polite, but heard",
        "One clear note in polished brass. Fits every handlebar, needs one screw and no app.",
    ),
    Product(
        "demo-8",
        "Alarm clock",
        3150,
        "Up when it says so",
        "Two bells and a hammer between them. Keeps to the second, and has never blamed the network.",
    ),
)
PICK = PRODUCTS[0]  # what the checkout suggests to somebody whose basket is empty

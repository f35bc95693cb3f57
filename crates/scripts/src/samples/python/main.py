"""Functions that can be called: those defined in this file whose names do not begin with an underscore."""

import os

from .helpers.text import initials, title


def greet(name, greeting="Hello"):
    """A greeting for one person."""
    return f"{greeting}, {title(name)}!"


def total(items):
    """The sum of an order: items are objects with a price and, perhaps, a quantity."""
    amount = sum(item["price"] * item.get("quantity", 1) for item in items)
    return {"items": len(items), "amount": round(amount, 2)}


def remember(name):
    """Keeps a name in the workspace, and tells all names that were kept so far."""
    path = os.path.join(os.getenv("WORKSPACE_DIR"), "names.txt")
    with open(path, "a", encoding="utf-8") as names:
        names.write(f"{initials(name)} {name}\n")
    with open(path, encoding="utf-8") as names:
        return names.read().splitlines()


async def uploads():
    """The files that were uploaded."""
    return sorted(os.listdir(os.getenv("UPLOADS_DIR")))

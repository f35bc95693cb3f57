"""Helpers of main.py. Functions here cannot be called from outside."""


def title(name):
    return " ".join(word.capitalize() for word in name.split())


def initials(name):
    return "".join(word[0].upper() for word in name.split())

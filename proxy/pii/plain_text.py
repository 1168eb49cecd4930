"""The storable form of text: printable, valid UTF-8, no spaces at either end."""


def plain_text(text: str) -> str:
    """Return *text* without control, format, private and surrogate characters.

    Any whitespace character becomes a space, so that words stay separate.
    """
    if text.isprintable():
        return text.strip()
    return "".join(map(_printable, text)).strip()


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else ""

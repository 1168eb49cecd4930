"""Makes the tag small: no comments, no white space, local names of one letter.

It knows as much of JavaScript as tag.js uses, and relies on the rules at the top of
that file. Tests hold the file to them, and run the result in a browser.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from string import ascii_letters

_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_NEEDLESS_SPACE = re.compile(r"(?<![\w$])\s+|\s+(?![\w$])")
_NEEDLESS_MARKS = re.compile(r"[;,]+(?=[}\])])")
_ONE_PARAMETER = re.compile(r"(?<![\w$])\((\w+)\)=>")
_CONSTANT = re.compile(r"\bconst\b")
# A pattern begins where a value may stand; a division never does.
_TOKEN = re.compile(
    r'"[^"]*"|(?<=[(,=!?:&|])/(?:\\.|\[(?:\\.|[^\]])*\]|[^/\\])+/|[A-Za-z_$][\w$]*'
    r"|\d\w*|\.{3}|.",
    re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z_$]")
_DECLARED = re.compile(r"\blet (\w+)|(?<![\w$])\(([\w,.]*)\)=>|(?<![\w$.])(\w+)=>")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
# Statements of the whole tag stand inside "(() => {".
_OUTERMOST = 2


def minify(source: str) -> str:
    """Return a script in fewer bytes that does what *source* does."""
    script = _ONE_PARAMETER.sub(r"\1=>", _NEEDLESS_MARKS.sub("", compact(source)))
    tokens = _TOKEN.findall(_CONSTANT.sub("let", script))
    return "".join(_joined_declarations(_shortened(tokens)))


def compact(source: str) -> str:
    """Return *source* without whole-line comments and needless white space."""
    return _NEEDLESS_SPACE.sub("", _COMMENT.sub("", source))


def local_names(tokens: Sequence[str]) -> set[str]:
    """Return the names that no code outside the tag knows."""
    declarations = _DECLARED.findall("".join(tokens))
    lists = (variable or several or one for variable, several, one in declarations)
    declared = {name.strip(".") for part in lists for name in part.split(",") if name}
    return declared - set(_property_names(tokens))


def _property_names(tokens: Sequence[str]) -> Iterator[str]:
    """Yield the names that other code knows, such as those of an event's fields."""
    open_brackets = [""]
    for position, token in enumerate(tokens):
        if token in _OPENING:
            open_brackets.append(token)
        elif token in _CLOSING:
            open_brackets.pop()
        elif _NAME.match(token):
            before, after = tokens[position - 1], tokens[position + 1]
            is_field = open_brackets[-1] == "{" and (
                before in ("{", ",") and after in (",", "}", ":")
            )
            if is_field or before == ".":
                yield token


def _shortened(tokens: Sequence[str]) -> Iterator[str]:
    """Yield *tokens* with a letter for each local name.

    A name of the whole tag has one letter everywhere. The names inside one of its
    statements begin with the same letters as those inside the next.
    """
    local = local_names(tokens)
    used = set(tokens) - local
    free = [letter for letter in ascii_letters if letter not in used]
    shared = [name for name in _outermost_names(tokens) if name in local]
    letters = dict(zip(shared, free, strict=False))
    for statement in _statements(tokens):
        inner = [
            token
            for token in dict.fromkeys(statement)
            if token in local and token not in letters
        ]
        known = letters | dict(zip(inner, free[len(shared) :], strict=False))
        yield from (known.get(token, token) for token in statement)


def _outermost_names(tokens: Sequence[str]) -> Iterator[str]:
    for position, depth in enumerate(_depths(tokens)):
        if tokens[position] == "let" and depth == _OUTERMOST:
            yield tokens[position + 2]


def _statements(tokens: Sequence[str]) -> Iterator[list[str]]:
    """Yield *tokens* by statements of the whole tag."""
    statement: list[str] = []
    for symbol, depth in zip(tokens, _depths(tokens), strict=True):
        statement.append(symbol)
        if depth <= _OUTERMOST and symbol == ";":
            yield statement
            statement = []
    yield statement


def _depths(tokens: Iterable[str]) -> Iterator[int]:
    """Yield how many brackets are open after each of *tokens*."""
    return accumulate((token in _OPENING) - (token in _CLOSING) for token in tokens)


def _joined_declarations(tokens: Iterable[str]) -> list[str]:
    """Return *tokens* with declarations that follow each other made one."""
    kept = [""]
    # For each open bracket, whether the statement that stands in it is a declaration.
    declares = [False]
    for symbol in tokens:
        if symbol in _OPENING:
            declares.append(False)
        elif symbol in _CLOSING:
            declares.pop()
        elif symbol == "let" and kept[-1] == ";" and declares[-1]:
            kept[-1] = ","
            continue
        elif kept[-1] in ("{", ";") or symbol == "let":
            declares[-1] = symbol == "let"
        if not (symbol == " " and kept[-1] == ","):
            kept.append(symbol)
    return kept

"""A script grows smaller and does the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.routes.minify import compact, minify

_ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("  // why\nlet x;\n", "let x;", id="a comment line goes"),
        pytest.param("let x = 1 < 2;", "let x=1<2;", id="only words stay apart"),
        pytest.param("return [a];", "return[a];", id="a bracket ends a word"),
        pytest.param("in $b", "in $b", id="a dollar sign is part of a word"),
        pytest.param('u = "https://x";', 'u="https://x";', id="a text stays"),
        pytest.param("f();\n\n  g();", "f();g();", id="lines are joined"),
    ],
)
def test_compacting(source: str, expected: str) -> None:
    assert compact(source) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("const one = 1;\nf(one);", "let a=1;f(a)", id="a local name"),
        pytest.param(
            "const one = 1;\nlet two = 2;\nf(two);",
            "let a=1,b=2;f(b)",
            id="declarations become one",
        ),
        pytest.param(
            "const one = (event) => {\n  f(event);\n};\nlet two;",
            "let a=c=>{f(c)},b",
            id="a parameter, and one that is alone",
        ),
        pytest.param(
            "const one = (left, right) => left;\nconst two = (from) => from;",
            "let a=(c,d)=>c,b=c=>c",
            id="functions share their letters",
        ),
        pytest.param(
            "const one = (...rest) => f(...rest);",
            "let a=(...b)=>f(...b)",
            id="the rest of the parameters",
        ),
        pytest.param(
            "const name = 1;\nf({ name, id: name });",
            "let name=1;f({name,id:name})",
            id="a field keeps its name",
        ),
        pytest.param(
            "const { size } = g;\nf(size);", "let{size}=g;f(size)", id="so does a part"
        ),
        pytest.param(
            "const one = 1;\ng.one = one;", "let one=1;g.one=one", id="and a property"
        ),
        pytest.param(
            'const one = "one";\nf(/[/]one/, one / 2);',
            'let a="one";f(/[/]one/,a/2)',
            id="texts and patterns stay",
        ),
        pytest.param(
            "const one = 1;\nf(a, one);", "let b=1;f(a,b)", id="no letter is used twice"
        ),
        pytest.param(
            "if (f) {\n  const one = 1;\n  g(one);\n}\nconst two = 2;\ng(two);",
            "if(f){let b=1;g(b)}let a=2;g(a)",
            id="declarations of two blocks stay apart",
        ),
        pytest.param("f([\n  1,\n]);", "f([1])", id="a last comma goes"),
    ],
)
def test_minifying(body: str, expected: str) -> None:
    assert minify(f"(() => {{\n{body}\n}})();") == f"(()=>{{{expected}}})();"


def test_every_process_serves_the_same_bytes() -> None:
    code = (
        "from config.settings import ProxySettings as S;"
        "from proxy.routes.tag import tag_script as t; print(t(S()))"
    )
    got = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            cwd=_ROOT,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(got) == 1

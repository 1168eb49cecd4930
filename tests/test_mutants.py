"""The judged survivors are changes of code that is still there."""

from tests.mutants import ROOT, Change, judged, parse_diff, unjudged

DIFF = """\
--- warehouse/money.py
+++ warehouse/money.py
@@ -1,3 +1,3 @@
 def f(a):
-    return a > 1
+    return a >= 1
"""
NAME = "warehouse.money.x_f__mutmut_1"


def test_a_diff_is_read_without_indentation() -> None:
    change = parse_diff("warehouse.money", DIFF)

    assert change == Change("warehouse.money", "return a > 1", "return a >= 1")
    assert unjudged({NAME: change}) == [NAME]


def test_judged_survivors_change_code_that_exists() -> None:
    for change in judged():
        path = ROOT / f"{change.module.replace('.', '/')}.py"
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]

        assert change.old in "\n".join(lines), "remove the entry from survivors.toml"
        assert unjudged({NAME: change}) == []

"""The docs are up to date, no link is dead, and every hint names a section."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from millpond import run
from proxy.user_agent.bot_kind import MEANINGS, BotKind
from tests.reports.sample_tables import drop, sample, store
from tests.test_house import PRODUCT_FILES, relative_path, tree

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for folder in (".", "docs", "docs/decisions")
    for path in (ROOT / folder).glob("*.md")
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(path: Path) -> set[str]:
    """Return the link anchors of a page's headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", path.read_text(encoding="utf-8"))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def dead_links(path: Path) -> list[str]:
    """Return the dead links of a page."""
    dead = []
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        page = (path.parent / target).resolve() if target else path
        if not page.exists() or (anchor and anchor not in anchors(page)):
            dead.append(f"{target}#{anchor}")
    return dead


@pytest.mark.parametrize("path", PAGES, ids=relative_path)
def test_no_page_has_a_dead_link(path: Path) -> None:
    assert dead_links(path) == []


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=relative_path)
def test_every_page_a_hint_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    missing = [
        page
        for page in re.findall(r"\bdocs/[\w/-]+\.md\b", text)
        if not (ROOT / page).is_file()
    ]

    assert missing == []


SECTION = re.compile(r"""\b(docs/[\w/-]+\.md), (["'])(.+?)\2""")


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=relative_path)
def test_every_section_a_hint_names_exists(path: Path) -> None:
    texts = [
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    missing = [
        (page, section)
        for text in texts
        for page, _, section in SECTION.findall(" ".join(text.split()))
        if f"\n## {section}\n" not in (ROOT / page).read_text(encoding="utf-8")
    ]

    assert missing == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here it is\n[a](no.md) [b](#here-it-is) [c](#x) [d](page.md)")

    assert dead_links(page) == ["no.md#", "#x"]


def test_every_feature_is_listed_once_with_tests_that_exist() -> None:
    page = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    proofs = re.findall(r"`([\w/]+\.py)`", page)

    rows = re.findall(r"(?m)^\| (.+?) \|", page)
    rules = [row for row in rows if row != "what it does"]

    assert len(rules) == len(set(rules))
    assert len(proofs) > 60
    assert [name for name in proofs if not (ROOT / "tests" / name).is_file()] == []


README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.compile(r"(?ms)^```console\n(.*?)^```")
LARGEST_IMAGE_BYTES = 150_000


@pytest.fixture
def installation_with_a_week(tmp_path: Path) -> Path:
    """Return an installation whose site has the sample week of the tests."""
    assert run(["init", str(tmp_path)]) == 0
    drops = [
        drop("bot", 900, bot_kind="search_engine"),
        drop("bot", 304, bot_kind="ai_assistant"),
        drop("duplicate", 3),
        drop("bad_page", 1),
    ]
    store(tmp_path / "data" / "warehouse", sample(), drops)
    return tmp_path


def console_block(commands: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return a console block with *commands* and their output."""
    capsys.readouterr()
    block = ""
    for command in commands:
        assert run(shlex.split(command)) == 0
        block += f"$ millpond {command}\n{capsys.readouterr().out}"
    return block


def test_the_figures_in_the_readme_are_real_output(
    installation_with_a_week: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(installation_with_a_week)
    monkeypatch.setenv("COLUMNS", "80")
    shown, _ = CONSOLE.findall(README)

    assert console_block(re.findall(r"(?m)^\$ millpond (.*)$", shown), capsys) == shown


def test_the_first_steps_in_the_readme_are_real_output(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    _, shown = CONSOLE.findall(README)

    assert console_block(re.findall(r"(?m)^\$ millpond (.*)$", shown), capsys) == shown


def test_the_images_of_the_readme_exist_and_are_small() -> None:
    images = [ROOT / name for name in re.findall(r'<img src="([^"]+)"', README)]

    assert images
    assert all(0 < path.stat().st_size < LARGEST_IMAGE_BYTES for path in images)


def test_the_readme_links_to_every_page_of_the_docs() -> None:
    pages = [relative_path(path) for path in PAGES if path.parent.name == "docs"]

    assert [page for page in pages if f"]({page})" not in README] == []


def dependencies() -> set[str]:
    """Return the names of the direct dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    requirements = sum(extras, project["project"]["dependencies"])
    return {re.split(r"[^\w-]", name, maxsplit=1)[0] for name in requirements}


def locked_packages() -> set[str]:
    """Return the names of all packages in the lock file."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^([\w.-]+)==", lock))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/decisions/0002-libraries-and-their-doors.md", dependencies()),
        ("docs/licenses.md", locked_packages()),
    ],
)
def test_the_page_names_every_library(page: str, names: set[str]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    assert [name for name in sorted(names) if name not in text] == []


def test_the_lock_files_name_no_download_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")

        assert re.findall(r"https?://|file:|--index|--find-links|[ =]/", text) == []


def test_generated_pages_are_up_to_date() -> None:
    completed = subprocess.run(
        [sys.executable, "docs/build.py", "--check"],
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert (completed.returncode, completed.stderr) == (0, "")


RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
SECTIONS = ["Situation", "Decision", "Consequences", "Revisit when"]
HEADING = re.compile(r"(?m)^(#+) (.+)$")
PACKAGES = "config|warehouse|batcher|proxy|reports|tests|benchmarks|docs"
NAMED_FILE = re.compile(rf"`((?:{PACKAGES})/[\w/.*-]+)`")


def title_of(record: Path) -> str:
    """Return the first heading of a decision record, without its number."""
    first = record.read_text(encoding="utf-8").partition("\n")[0]
    return first.partition(". ")[2]


def template_faults(name: str, text: str) -> list[str]:
    """Return the differences between a decision record and the template."""
    (mark, title), *rest = HEADING.findall(text)
    faults = []
    if mark != "#" or not re.fullmatch(rf"{int(name[:4]):02}\. \S.*", title):
        faults.append(f"title: {title}")
    sections = [heading for level, heading in rest if level == "##"]
    if sections != SECTIONS:
        faults.append(f"sections: {', '.join(sections)}")
    parts = re.split(r"(?m)^## .+\n", text)[1:]
    for section, part in zip(sections, parts, strict=True):
        if not part.strip():
            faults.append(f"empty: {section}")
        if section != "Decision" and HEADING.search(part):
            faults.append(f"sub-heading: {section}")
    return faults


@pytest.mark.parametrize("path", RECORDS, ids=relative_path)
def test_every_decision_record_follows_the_template(path: Path) -> None:
    assert template_faults(path.name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# 8. A\n## Situation\na\n", "title: 8. A"),
        ("# 08. A\n## Situation\na\n", "sections: Situation"),
        ("# 08. A\n## Decision\n\n## Situation\na\n", "empty: Decision"),
        ("# 08. A\n## Situation\na\n### B\nb\n", "sub-heading: Situation"),
    ],
)
def test_a_decision_record_that_breaks_the_template_is_found(
    text: str, fault: str
) -> None:
    assert fault in template_faults("0008-a.md", text)


def test_the_index_lists_every_decision_record_under_its_title() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| \[(\d\d)\]\((.+?)\) \| (.+?) \| \S.* \|$", index)

    assert rows == [
        (record.name[2:4], record.name, title_of(record)) for record in RECORDS
    ]


@pytest.mark.parametrize("path", RECORDS, ids=relative_path)
def test_every_file_a_decision_record_names_exists(path: Path) -> None:
    files = NAMED_FILE.findall(path.read_text(encoding="utf-8"))

    assert [name for name in files if not [*ROOT.glob(name)]] == []


def test_the_page_names_every_kind_of_bot_with_its_meaning() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    section = page.partition("### Kinds of bots")[2].partition("## Export")[0]

    rows = re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", section)

    assert rows == [(kind.value, MEANINGS[kind]) for kind in BotKind]

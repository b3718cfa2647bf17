"""The code about itself: the rules of CONTRIBUTING.md that no linter knows."""

import ast
import functools
import os
import re
from pathlib import Path

import pytest
from tests.support.outside import NPM, REASONS
from tests.support.processes import output_of

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = [path for folder in ("src", "tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]
LINES_MAX = 400
NAMES_TO_AVOID = {"utils", "helpers", "common", "base", "manager", "core"}
SKIPS = ("pytest.skip", "pytest.mark.skip", "pytest.importorskip")
# The clock is handed in; these two are where it comes from.
MAY_ASK_THE_TIME = {"src/callgenie/kernel/clock.py"}
# The environment is read where settings are made, and handed on whole to the programs we start.
# The package itself only writes to it: a library's telemetry is off before it is imported.
MAY_READ_THE_ENVIRONMENT = {"src/callgenie/settings/__init__.py", "src/callgenie/__init__.py"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def dotted_names(path: Path) -> list[tuple[int, str]]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [(node.lineno, ast.unparse(node)) for node in nodes if isinstance(node, ast.Attribute)]


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_a_file_stays_under_the_limit(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_no_file_has_a_name_that_means_nothing() -> None:
    assert [
        relative(path) for path in SOURCES if path.stem in NAMES_TO_AVOID or path.parent.name in NAMES_TO_AVOID
    ] == []


def test_nobody_asks_the_machine_for_the_time() -> None:
    asked = [
        f"{relative(path)}:{line} {name}"
        for path in SOURCES
        if relative(path) not in MAY_ASK_THE_TIME
        for line, name in dotted_names(path)
        if re.fullmatch(r"(datetime\.)?datetime\.(now|utcnow)|time\.time|date\.today", name)
    ]
    assert asked == []


def test_nobody_reads_the_environment_but_the_settings() -> None:
    read = [
        f"{relative(path)}:{line} {name}"
        for path in SOURCES
        if relative(path) not in MAY_READ_THE_ENVIRONMENT
        for line, name in dotted_names(path)
        if name in {"os.environ", "os.getenv"}
    ]
    assert read == []


def test_no_task_is_left_without_an_owner() -> None:
    bare = [
        f"{relative(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).endswith(("create_task", "ensure_future"))
        and not re.search(r"group|tasks?\b", ast.unparse(node.value.func).rsplit(".", 1)[0])
    ]
    assert bare == []


def test_every_process_is_started_where_its_end_is_awaited() -> None:
    started = [
        f"{relative(path)}:{line} {name}"
        for path in PYTHON
        if relative(path) != "src/callgenie/kernel/child_process.py"
        for line, name in dotted_names(path)
        if name.endswith((".create_subprocess_exec", ".create_subprocess_shell", ".subprocess_exec"))
    ]
    assert started == []


def test_nothing_is_mocked() -> None:
    words = ("unittest" + ".mock", "Magic" + "Mock", "mongo" + "mock")
    assert [relative(path) for path in PYTHON if any(word in path.read_text(encoding="utf-8") for word in words)] == []


def test_every_skip_is_a_sentence_that_says_what_is_missing_and_how_to_get_it() -> None:
    said = {
        f"{relative(path)}:{node.lineno}": [*node.args, *(word.value for word in node.keywords)][-1]
        for path in PYTHON
        if path != ROOT / "tests/conftest.py"  # it skips by `REASONS`
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(SKIPS)
    }
    reasons = {where: ast.literal_eval(reason) for where, reason in said.items()} | dict(REASONS)
    assert len(reasons) > 5
    assert [where for where, reason in reasons.items() if not re.fullmatch(r"There (is|are) no .+: .+\.", reason)] == []


def test_npm_writes_no_addresses_into_what_it_pins() -> None:
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text(encoding="utf-8").splitlines()
    locks = [path for path in ROOT.rglob("package-lock.json") if "node_modules" not in path.parts]
    assert [relative(path) for path in locks if '"resolved"' in path.read_text(encoding="utf-8")] == []


@pytest.mark.node
async def test_npm_reads_the_settings_of_the_repository(tmp_path: Path) -> None:
    command = (str(NPM), "config", "get", "omit-lockfile-registry-resolved")
    # Not those of whoever runs the test.
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert (await output_of(*command, cwd=ROOT, env=home)).strip() == b"true"


def test_every_package_says_what_it_is_for() -> None:
    silent = [relative(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_no_requirement_file_names_where_it_was_downloaded_from() -> None:
    for path in sorted((ROOT / "requirements").iterdir()):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        if path.suffix == ".txt" and path.stem != "overrides":
            pinned = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
            assert pinned
            assert all("==" in line for line in pinned), path.name
            assert text.count("--hash=sha256:") >= len(pinned)


def test_every_decision_has_a_number_of_its_own_and_a_line_in_the_list() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = []
    for path in sorted(folder.glob("[0-9]*.md")):
        number = int(path.name[:4])
        heading = path.read_text(encoding="utf-8").splitlines()[0]
        assert heading.startswith(f"# {number}. "), path.name
        listed.append(f"{number}. [{heading.removeprefix(f'# {number}. ')}]({path.name})")
    numbers = [int(line.partition(".")[0]) for line in listed]
    assert numbers == list(range(1, len(numbers) + 1))
    index = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in index if re.match(r"\d+\. \[", line)] == listed


def test_every_page_of_the_documentation_is_in_its_list() -> None:
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text(encoding="utf-8")
    pages = [path.relative_to(docs).as_posix() for path in sorted(docs.rglob("*.md"))]
    own = [page for page in pages if page != "README.md" and not page.startswith("decisions/0")]
    assert [page for page in own if f"({page})" not in index] == []


def test_no_link_between_pages_leads_nowhere() -> None:
    pages = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:", link)
    ]
    assert [f"{relative(page)}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_no_request_is_judged_by_a_bare_pattern() -> None:
    # Whoever sends what does not fit would be answered with a regular expression; `http.bodies.Shape` has a sentence.
    schemas = [path for path in SOURCES if path.name.endswith("schemas.py")]
    assert schemas
    assert [path for path in schemas if "pattern=" in path.read_text(encoding="utf-8")] == []

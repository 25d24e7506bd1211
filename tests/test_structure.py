"""The shape of the package: who imports whom, and which names are public."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import weights

SOURCE = Path(weights.__file__).parent
ORDER = re.findall(r"(?<=in this order:\n\n)(?:    .+\n)+", (SOURCE.parents[1] / "docs" / "design.md").read_text())[0].split()
"""As the page on the design tells it."""
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem not in ("__init__", "__main__"))


def stage(module: str) -> int:
    return ORDER.index(module.split(".")[1])


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("weights."):
            names.add(node.module)
            if node.module.count(".") == 0:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("weights.")}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_upstream(path):
    own = "weights." + ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    downstream = [name for name in imports_of(path) if stage(name) > stage(own)]
    assert downstream == []


@pytest.mark.parametrize("path", [p for p in MODULES if p.relative_to(SOURCE).parts[0] == "data"], ids=lambda path: path.stem)
def test_data_knows_nothing_of_jax(path):
    assert "import jax" not in path.read_text()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_holds_one_idea_and_a_function_few_parameters(path):
    """At most 450 lines and ten parameters, but for scikit-learn's estimators, whose settings must be parameters of `__init__`."""
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    parameters = {
        function.name: [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        for function in functions
        if not (function.name == "__init__" and path.parent.name == "estimators")
    }
    assert len(text.splitlines()) <= 450
    assert [name for name, named in parameters.items() if len([p for p in named if p.arg not in ("self", "cls")]) > 10] == []


def test_public_names_are_written_out_and_sorted():
    assert weights.__all__ == sorted(weights.__all__)
    assert all(getattr(weights, name) is not None for name in weights.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        weights.fitt  # noqa: B018


def test_the_readme_runs_from_a_file_to_a_loaded_model(tmp_path, monkeypatch):
    """The Python block of README.md runs as it stands, in a folder that holds the files it names."""
    from sklearn.datasets import load_breast_cancer

    blocks = re.findall(r"^```python\n(.*?)^```", (SOURCE.parents[1] / "README.md").read_text(), flags=re.M | re.S)
    frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "diagnosis"})
    frame.to_parquet(tmp_path / "patients.parquet")
    frame.head().to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert len(blocks) == 1
    exec(blocks[0], {})
    assert (tmp_path / "runs" / "patients" / "config.json").exists()


def test_every_command_is_in_the_guide_or_the_readme():
    from weights.cli import cli

    documented = "".join((SOURCE.parents[1] / name).read_text() for name in ("README.md", "docs/guide.md", "CHANGELOG.md"))
    assert [name for name in cli.commands if name not in documented] == []


def test_tests_mirror_the_source():
    tests = {path.name for path in Path(__file__).parent.rglob("test_*.py")}
    exempt = {
        "types",
        "verdicts",
        "base",
        "content",
        "control",
        "effort",
        "stepping",
    }  # aliases and records; others are tested through their users, effort by test_plan and stepping by test_population
    untested = [
        str(path.relative_to(SOURCE))
        for path in MODULES
        if not {f"test_{path.stem}.py", f"test_{path.parent.name}.py"} & tests and path.stem not in exempt
    ]
    assert [name for name in untested if not name.endswith("__init__.py")] == []

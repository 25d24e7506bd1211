"""The check of an installation: it finds a sound one sound, and says what is wrong with another."""

from __future__ import annotations

import importlib.metadata
import json
import re

import pytest
from click.testing import CliRunner

import weights
from weights import cli
from weights.report import doctor
from weights.training import compiling

REQUIRED = {re.split(r"[ <>=!~;\[]", line)[0] for line in importlib.metadata.requires("weights") or () if "extra ==" not in line}


@pytest.fixture(scope="module")
def findings() -> dict[str, doctor.CheckResult]:
    return {finding.name: finding for finding in doctor.examine()}


def test_a_sound_installation_is_found_sound(findings):
    assert [finding for finding in findings.values() if not finding.ok] == []


def test_every_package_that_is_needed_is_looked_at(findings):
    assert set(findings) >= REQUIRED


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_the_version_of_a_package_is_told(findings, name):
    assert findings[name].found == importlib.metadata.version(name)


def test_the_version_of_weights_is_told(findings):
    assert findings["weights"].found == weights.__version__


def test_the_last_finding_is_a_fit(findings):
    name, finding = [*findings.items()][-1]
    assert name == "training"
    assert re.fullmatch(r"iris, 4 members: accuracy [01]\.\d{3} in \d+\.\d s", finding.found)


def test_the_folder_of_compiled_programs_is_told(findings):
    assert findings["compiled programs"].found == f"kept in {compiling.cache_folder()}"


def test_compiled_programs_are_kept(findings):
    assert findings["training"].ok
    assert any((compiling.cache_folder() / "programs").iterdir())


def only_cheap_checks(monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_smallest_fit", lambda: doctor.CheckResult("training", True, "left out"))


def found_now(name: str) -> doctor.CheckResult:
    [finding] = [finding for finding in doctor.examine() if finding.name == name]
    return finding


def test_a_cache_that_cannot_be_made_is_a_finding(monkeypatch, tmp_path):
    only_cheap_checks(monkeypatch)
    (tmp_path / "letter").write_text("")
    monkeypatch.setenv("WEIGHTS_CACHE", str(tmp_path / "letter"))
    finding = found_now("compiled programs")
    assert not finding.ok
    assert re.fullmatch(r".*letter.programs cannot be made \(.+\)", finding.found)


def test_a_missing_package_is_a_finding_that_says_what_to_do(monkeypatch):
    only_cheap_checks(monkeypatch)
    monkeypatch.setattr(doctor, "_PACKAGES", ("no-such-package",))
    assert found_now("no-such-package") == doctor.CheckResult("no-such-package", False, "not installed; pip install no-such-package")


def test_a_training_that_fails_is_a_finding_that_says_why(monkeypatch):
    def fit(*_, **__):
        raise RuntimeError("no cores")

    monkeypatch.setattr("weights.api.fit", fit)
    assert found_now("training") == doctor.CheckResult("training", False, "RuntimeError: no cores")


def test_little_memory_is_a_finding(monkeypatch):
    only_cheap_checks(monkeypatch)
    monkeypatch.setattr(doctor, "memory_budget", lambda: 0.5e9)
    assert found_now("free memory") == doctor.CheckResult("free memory", False, "0.5 GB")


@pytest.mark.parametrize(("ok", "code", "word"), [(True, 0, "ok"), (False, 1, "BAD")])
def test_the_command_tells_findings_and_ends_accordingly(monkeypatch, ok, code, word):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.CheckResult("cores", ok, "2")])
    result = CliRunner().invoke(cli.cli, ["doctor"])
    assert (result.exit_code, result.stdout.split()) == (code, [word, "cores", "2"])


@pytest.mark.parametrize("ok", [True, False])
def test_the_command_prints_an_object(monkeypatch, ok):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.CheckResult("cores", ok, "2")])
    result = CliRunner().invoke(cli.cli, ["doctor", "--json"])
    assert json.loads(result.stdout) == {"ok": ok, "findings": [{"name": "cores", "ok": ok, "found": "2"}]}

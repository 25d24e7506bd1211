"""Commands about this installation: `doctor`, `completion`."""

from __future__ import annotations

import sys

import click

from weights.cli.process import guard, print_json, print_lines


@click.command()
@guard
def doctor(as_json: bool) -> None:
    """Check this installation: versions, cores, memory, caches, and that training works."""
    from weights.report.doctor import examine

    findings = examine()
    if as_json:
        print_json({"ok": all(f.ok for f in findings), "findings": findings})
    else:
        print_lines(
            f"  {click.style('ok ', fg='green') if f.ok else click.style('BAD', fg='red')}  {f.name:<18}{f.found}" for f in findings
        )
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@guard
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of a SHELL; `weights completion bash >> ~/.bashrc` installs it."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    script = made(click.get_current_context().find_root().command, {}, "weights", "_WEIGHTS_COMPLETE").source()
    print_json({"shell": shell, "script": script}) if as_json else print_lines([script])


COMMANDS = (
    doctor,
    completion,
)

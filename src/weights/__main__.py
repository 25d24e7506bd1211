"""The entry point of `weights` and `python -m weights`."""

from weights.interruption import leave_on_signals


def main() -> None:
    """Run the command that was typed; Ctrl-C is heard already while the commands are loaded."""
    leave_on_signals()
    from weights.cli import main

    main()


if __name__ == "__main__":
    main()

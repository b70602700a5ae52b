"""``python -m dinsar_cli``: the command line, where no `dinsar` is on PATH."""

from dinsar_cli.cli import main

if __name__ == "__main__":
    main()

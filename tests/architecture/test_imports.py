"""The arrows of the architecture; the contracts are in pyproject.toml."""

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.environment import BASE_DIR


def test_every_import_follows_the_arrows() -> None:
    assert lint_imports(config_filename=str(BASE_DIR / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS

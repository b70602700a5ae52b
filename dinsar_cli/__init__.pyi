from dinsar_cli.api import extract as extract
from dinsar_cli.api import run as run
from dinsar_cli.errors import DinsarError as DinsarError
from dinsar_cli.products.dataset import open_products as open_products
from dinsar_cli.workflow.result import RunResult as RunResult

__all__ = ["DinsarError", "RunResult", "__version__", "extract", "open_products", "run"]

__version__: str

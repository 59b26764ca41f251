"""The generator of the demo company, which only a checkout has: examples are no part of an installed wheel."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from orchestration.settings import CATALOG_FILE, EXAMPLES, INSTALLATION, Settings, SettingsError, demo_example


def demo_generator() -> ModuleType:
    """The package that writes the demo company: `create`, `advance`, `write_catalog` and the error `DemoError`.

    Raises SettingsError where this installation has no examples.
    """
    name = demo_example()
    if name is None:
        raise SettingsError(
            f"This installation has no examples ({EXAMPLES} does not exist): they are in the folder `examples` of a "
            "checkout of context360. For your own data, start with `context360 init FOLDER`."
        )
    if str(INSTALLATION) not in sys.path:
        sys.path.append(str(INSTALLATION))  # the examples are no installed package
    return importlib.import_module(f"examples.{name}.generator")


def is_demo_without_data(settings: Settings) -> bool:
    """Whether the catalog is that of the demo company, and no company has been written below this home yet."""
    name = demo_example()
    return name is not None and settings.catalog_path == EXAMPLES / name / CATALOG_FILE

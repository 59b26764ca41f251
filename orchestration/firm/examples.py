"""The generator of the demo company. Only a checkout has it: a wheel contains no examples."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from orchestration.settings import CATALOG_FILE, EXAMPLES, INSTALLATION, Settings, SettingsError, demo_example


def demo_generator() -> ModuleType:
    """The package that writes the demo company: `create`, `advance`, `write_catalog` and the error `DemoError`.

    Raises SettingsError if this installation has no examples.
    """
    name = demo_example()
    if name is None:
        raise SettingsError(
            f"This installation has no examples ({EXAMPLES} does not exist): they are in the folder `examples` of a "
            "checkout of context360. For your own data, start with `context360 init FOLDER`."
        )
    if str(INSTALLATION) not in sys.path:
        sys.path.append(str(INSTALLATION))  # the examples are not an installed package
    return importlib.import_module(f"examples.{name}.generator")


def is_demo_without_data(settings: Settings) -> bool:
    """Whether the settings select the example's own catalog, which they do until this home holds a demo company."""
    name = demo_example()
    return name is not None and settings.catalog_path == EXAMPLES / name / CATALOG_FILE

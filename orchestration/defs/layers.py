"""The layers at which a run can stop, and the assets that such a run makes."""

from enum import StrEnum

import dagster as dg

from orchestration.defs.quality import VERDICT_KEY


class Layer(StrEnum):
    """A layer of the warehouse, in the order in which a run builds them; the value is the schema of its tables."""

    STAGING = "staging"
    IDENTITY = "identity"
    CORE = "core"
    MARTS = "marts"


def assets_until(definitions: dg.Definitions, layer: Layer, executable: set[dg.AssetKey]) -> set[dg.AssetKey]:
    """The assets of a layer and of all layers below it, the tables about quality that need no more, and the verdict.

    executable: the assets of the job that is run.
    """
    graph = definitions.resolve_asset_graph()

    def with_upstream(selection: dg.AssetSelection) -> set[dg.AssetKey]:
        return set(selection.upstream().resolve(graph)) & executable

    layers = list(Layer)
    chosen = with_upstream(dg.AssetSelection.key_prefixes(*layers[: layers.index(layer) + 1]))
    for key in executable - chosen:
        if key.path[0] != "quality":
            continue
        needed = with_upstream(dg.AssetSelection.assets(key)) - chosen - {key}
        # Which rows a canonical stream keeps in quarantine follows from staging; what else is intermediate waits.
        if all(other.path[0] in ("intermediate", "seeds") for other in needed):
            chosen |= needed | {key}
    return chosen | {VERDICT_KEY}

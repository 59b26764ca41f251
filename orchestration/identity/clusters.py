"""The graph algorithms: connected components (SciPy), and doubtful components split by average linkage.

A component is doubtful if two of its records contradict each other. All pairs of such a component are scored, and
average linkage (SciPy) keeps together what agrees on the whole: a weak bridge between two groups, or a record that
contradicts most others, does not survive.
"""

from __future__ import annotations

from typing import Any

import numpy
import pyarrow
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from orchestration.identity.workspace import Workspace

Array = numpy.ndarray[Any, Any]
STRONGEST = 15.0  # bits: beyond this, more evidence of the same kind adds no certainty
CERTAIN = 1_000.0  # bits of a reviewed decision
LARGEST_COMPONENT = 400  # different records; all their pairs are scored
LARGEST_SURE_COMPONENT = 1_500  # different records that only the strongest links connect; beyond that, kept whole
_LEAST_SUPPORT = (5.0, 8.0, 11.0, 14.0)  # bits: which links of a large component are weak; below STRONGEST


def components(size: int, left: Array, right: Array) -> Array:
    """The number of the connected component of each of the nodes 0 … size - 1."""
    if size == 0:
        return numpy.empty(0, dtype=numpy.int64)
    graph = coo_array((numpy.ones(len(left), dtype=numpy.int8), (left, right)), shape=(size, size))
    return connected_components(graph, directed=False)[1].astype(numpy.int64)


def write_components(work: Workspace, links: str, target: str) -> None:
    """Writes `target` (record_number, component) for all records; links: table with record_number_l and _r.

    A component has the name of its smallest record number.
    """
    numbers = work.run("select record_number from {work}.record order by record_number").fetchnumpy()["record_number"]
    found = work.run(f"select record_number_l, record_number_r from {links}").fetchnumpy()
    left = numpy.searchsorted(numbers, found["record_number_l"])
    right = numpy.searchsorted(numbers, found["record_number_r"])
    label = components(len(numbers), left, right)
    first = numpy.full(int(label.max()) + 1 if len(label) else 0, -1, dtype=numpy.int64)
    first[label[::-1]] = numbers[::-1]
    _write(work, target, record_number=numbers, component=first[label])


def _write(work: Workspace, target: str, **columns: Array) -> None:
    work.connection.register("linking_arrays", pyarrow.table(columns))
    work.run(f"create or replace table {target} as select * from linking_arrays")
    work.connection.unregister("linking_arrays")


def cut_large_components(work: Workspace, links: str, target: str) -> int:
    """Writes components: those of more than LARGEST_COMPONENT records lose weak links until they fall apart.

    What only the strongest links connect stays together, however large it is.
    links: record_number_l, record_number_r, support (bits). Returns how many components had to be cut.
    """
    write_components(work, links, target)
    cut = 0
    work.run(
        f"create or replace table {{work}}.kept_link as select record_number_l, record_number_r, support from {links}"
    )
    for least in _LEAST_SUPPORT:
        large = work.value(
            f"select count(*) from (select 1 from {target} group by component having count(*) > ?)", [LARGEST_COMPONENT]
        )
        if not large:
            break
        cut = max(cut, large)
        work.run(
            f"""
            create or replace table {{work}}.kept_link as
            select links.*
            from {{work}}.kept_link as links
            inner join {target} as parts on links.record_number_l = parts.record_number
            where links.support >= ? or parts.component not in (
                select component from {target} group by component having count(*) > ?
            )
            """,
            [least, LARGEST_COMPONENT],
        )
        write_components(work, "{work}.kept_link", target)
    return cut


def split_doubtful(work: Workspace, parts: str, judged: str, target: str, *, least_mean: float) -> int:
    """Writes `target` (record_number, cluster_id): components, the doubtful ones split by average linkage.

    parts: (record_number, component). judged: record_number_l, record_number_r, support (bits; negative: against a
    match) for all pairs of the doubtful components; absent pairs count 0. least_mean: bits that the pairs between two
    groups must reach on average for the groups to be one. Returns how many components were split.
    """
    doubtful = work.run(f"""
        select component, record_number
        from {parts}
        where component in (select component from {judged})
        order by component, record_number
    """).fetchnumpy()
    pairs = work.run(f"""
        select component, record_number_l, record_number_r, support from {judged}
        order by component, record_number_l, record_number_r
    """).fetchnumpy()
    starts = numpy.flatnonzero(numpy.diff(doubtful["component"], prepend=-1))
    ends = numpy.append(starts[1:], len(doubtful["component"]))[: len(starts)]
    pair_component = numpy.asarray(pairs["component"])
    split_count = 0
    cluster = numpy.array(doubtful["record_number"], dtype=numpy.int64)
    for start, end in zip(starts, ends, strict=True):
        nodes = numpy.asarray(doubtful["record_number"][start:end])
        component = doubtful["component"][start]
        low, high = (
            numpy.searchsorted(pair_component, component),
            numpy.searchsorted(pair_component, component, "right"),
        )
        labels = grouped(
            nodes,
            numpy.asarray(pairs["record_number_l"][low:high]),
            numpy.asarray(pairs["record_number_r"][low:high]),
            numpy.asarray(pairs["support"][low:high], dtype=float),
            least_mean,
        )
        split_count += len(numpy.unique(labels)) > 1
        for label in numpy.unique(labels):
            members = numpy.flatnonzero(labels == label)
            cluster[start + members] = nodes[members].min()
    _write(work, "{work}.split_part", record_number=numpy.asarray(doubtful["record_number"]), cluster_id=cluster)
    work.run(f"""
        create or replace table {target} as
        select parts.record_number, coalesce(split.cluster_id, parts.component) as cluster_id
        from {parts} as parts
        left join {{work}}.split_part as split using (record_number)
    """)
    return int(split_count)


def grouped(nodes: Array, left: Array, right: Array, support: Array, least_mean: float) -> Array:
    """Labels of the groups that average linkage finds among the nodes (sorted), given the support of pairs in bits."""
    size = len(nodes)
    if size == 1:
        return numpy.zeros(1, dtype=numpy.int64)
    matrix = numpy.zeros((size, size))
    at_left, at_right = numpy.searchsorted(nodes, left), numpy.searchsorted(nodes, right)
    matrix[at_left, at_right] = support
    matrix[at_right, at_left] = support
    declared = numpy.flatnonzero(support >= CERTAIN)
    if len(declared):
        # Records that a decision declares the same are one node: what fits one of them fits all.
        part = components(size, at_left[declared], at_right[declared])
        count = int(part.max()) + 1
        joined = numpy.full((count, count), -numpy.inf)
        rows, columns = numpy.meshgrid(part, part, indexing="ij")
        numpy.maximum.at(joined, (rows, columns), matrix)
        forbidden = numpy.zeros((count, count), dtype=bool)
        numpy.logical_or.at(forbidden, (rows, columns), matrix <= -CERTAIN)
        joined[forbidden] = matrix.min()
        return _average_linkage(joined, least_mean)[part]
    return _average_linkage(matrix, least_mean)


def _average_linkage(matrix: Array, least_mean: float) -> Array:
    if len(matrix) == 1:
        return numpy.zeros(1, dtype=numpy.int64)
    top = CERTAIN + 1
    distance = top - numpy.clip(matrix, -1e6, CERTAIN)
    numpy.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average")
    # Average linkage is monotonic: cutting at a height is cutting where the mean support falls below the bound.
    return fcluster(tree, t=top - least_mean, criterion="distance")

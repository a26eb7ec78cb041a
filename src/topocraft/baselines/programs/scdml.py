"""scDML, by the library of its authors, with its default parameters.

Yu, Xu, Zhang, Li 2023, doi:10.1038/s41467-023-36635-5. Defaults: ``scDMLModel.preprocess`` and ``integrate`` of scDML
0.0.1. The number of clusters is the library's own estimate from its eigenvalues, as it is where none is given: its
tutorials give the true number of cell types, which a method without labels cannot know. One departure: the library
takes its first estimate even where that is 1, which leaves it no negative triplets, and the embedding is noise; here it
is the first that is at least 2.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData

N_COMPONENTS, NEIGHBOURS_WITHIN, NEIGHBOURS_BETWEEN = 100, 5, 10
FEWEST_CLUSTERS = 2


def integrate(adata: AnnData, seed: int) -> np.ndarray:
    """Return the embedding of scDML's network, (n_cells, 32)."""
    from scDML import scDMLModel

    smallest = fewest_cells(adata.obs["batch"])
    with tempfile.TemporaryDirectory(prefix="scdml-") as folder:
        model = scDMLModel(verbose=False, save_dir=folder + os.sep)
        cells = model.preprocess(
            _copy(adata),
            batch_key="BATCH",
            normalize_samples=False,  # the values are log-normalised already
            log_normalize=False,
            pca_dim=min(N_COMPONENTS, *(length - 1 for length in adata.shape)),
        )
        model.convertInput(cells, batch_key="BATCH")
        model.calculate_similarity(K_in=min(NEIGHBOURS_WITHIN, smallest), K_bw=min(NEIGHBOURS_BETWEEN, smallest))
        n_clusters = estimated_clusters(model.cor_matrix.to_numpy())
        model.merge_cluster(ncluster_list=[n_clusters])
        model.build_net(seed=seed)
        embedding = model.train(expect_num_cluster=n_clusters)
    return in_order(embedding, cells.obs["place"].to_numpy())


def fewest_cells(batch: Any) -> int:
    """Return the size of the smallest batch, which bounds the neighbours; scDML scales every batch by itself."""
    smallest = int(batch.value_counts().loc[lambda sizes: sizes > 0].min())
    if smallest < 2:
        raise ValueError("scDML needs at least 2 cells in every batch; a batch here has 1. Leave it out, or join it.")
    return smallest


def estimated_clusters(similarity: np.ndarray) -> int:
    """Return the number of clusters that scDML takes where none is given, from similarities (n, n) of its clusters.

    ``train`` does the same, but wants the clusters merged to every number that it may find, which takes n times as
    long. Of its estimates, best first, this is the first that is at least ``FEWEST_CLUSTERS``.
    """
    from scDML.utils import eigenDecomposition

    scaled = similarity * ~np.eye(len(similarity), dtype=bool)
    scaled = scaled / scaled.max()
    strengthened = scaled + scaled @ scaled
    np.fill_diagonal(strengthened, 0.0)
    best, _, _ = eigenDecomposition(strengthened, plot=False)
    found = next((int(estimate) for estimate in best if estimate >= FEWEST_CLUSTERS), None)
    if found is None:
        raise ValueError(
            f"scDML needs at least {FEWEST_CLUSTERS} clusters; its estimates are {[int(one) for one in best]}. "
            "Give it more cells, or leave it out."
        )
    return found


def in_order(embedding: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return rows where they belong: scDML sorts the cells by batch."""
    ordered = np.empty_like(embedding)
    ordered[place.astype(np.int64)] = embedding
    return ordered


def _copy(adata: AnnData) -> AnnData:
    """Return the values and batches alone, which scDML changes."""
    import pandas as pd
    from anndata import AnnData

    names = pd.Index(np.arange(adata.n_obs).astype(str))
    batch = adata.obs["batch"].to_numpy(dtype=str)
    return AnnData(adata.X.copy(), obs=pd.DataFrame({"BATCH": batch, "place": np.arange(adata.n_obs)}, index=names))

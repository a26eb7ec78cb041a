"""Score a batch-integration embedding: bio-conservation, batch mixing, composite.

bio       = mean(NMI, ARI, ASW label, cLISI)
batch     = mean(ASW batch, PCR, graph connectivity, kBET, bLISI, true-positive rate)
composite = 0.6 bio + 0.4 batch

Usage: python benchmarks/scores.py FILE.h5ad --embedding KEY
"""

import argparse
import json

import anndata
import numpy as np
import numpy.typing as npt
import scanpy as sc
import scib_metrics
from scib_metrics.nearest_neighbors import NeighborsResults
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

Array = npt.NDArray[np.floating]
Codes = npt.NDArray[np.integer]

BIO = ("nmi", "ari", "asw_label", "clisi")
BATCH = ("asw_batch", "pcr", "graph_connectivity", "kbet", "blisi", "true_positive_rate")
BIO_WEIGHT = 0.6
NEIGHBORS = 90  # as in scib-metrics' Benchmarker; a cell counts among its own neighbours
PERPLEXITY = 30
MIN_TYPE_SIZE = 10


def composite(
    embedding: npt.ArrayLike,
    batch: npt.ArrayLike,
    celltype: npt.ArrayLike,
    unintegrated_pca: npt.ArrayLike,
) -> dict[str, float]:
    """Score `embedding` (cells x dimensions); every entry is better when larger.

    `unintegrated_pca` is the reference of the PCR score. F1-LISI, BRAS and the positive
    rate are returned beside the scores but enter none of the means.
    """
    x, pca = (np.ascontiguousarray(a, dtype=np.float32) for a in (embedding, unintegrated_pca))
    batch, celltype = (np.unique(np.asarray(a), return_inverse=True)[1] for a in (batch, celltype))
    _check(x, pca, batch, celltype)
    neighbors = nearest(x, NEIGHBORS)
    scores = bio_scores(x, celltype, neighbors)
    scores |= batch_scores(x, batch, celltype, pca, neighbors)
    scores["bio"] = float(np.mean([scores[k] for k in BIO]))
    scores["batch"] = float(np.mean([scores[k] for k in BATCH]))
    scores["composite"] = BIO_WEIGHT * scores["bio"] + (1 - BIO_WEIGHT) * scores["batch"]
    scores["f1_lisi"] = _harmonic_mean(scores["clisi"], scores["blisi"])
    return scores


def bio_scores(x: Array, celltype: Codes, neighbors: NeighborsResults) -> dict[str, float]:
    """Return the four bio-conservation scores; NMI and ARI at the best of ten resolutions."""
    clusters = scib_metrics.nmi_ari_cluster_labels_leiden(_first(neighbors, 15), celltype, optimize_resolution=True)
    return {
        "nmi": float(clusters["nmi"]),
        "ari": float(clusters["ari"]),
        "asw_label": float(scib_metrics.silhouette_label(x, celltype)),
        "clisi": float(scib_metrics.clisi_knn(neighbors, celltype)),
    }


def batch_scores(x: Array, batch: Codes, celltype: Codes, pca: Array, neighbors: NeighborsResults) -> dict[str, float]:
    """Return the six batch-mixing scores, and the positive rate and BRAS beside them."""
    positive, true_positive = positive_rates(x, batch, celltype)
    kbet = scib_metrics.kbet_per_label(_first(neighbors, 50), batch, celltype)
    return {
        "asw_batch": float(scib_metrics.silhouette_batch(x, celltype, batch)),
        "pcr": float(scib_metrics.pcr_comparison(pca, x, batch, categorical=True)),
        "graph_connectivity": float(scib_metrics.graph_connectivity(_first(neighbors, 15), celltype)),
        "kbet": float(kbet),
        "blisi": blisi(x, batch, celltype),
        "true_positive_rate": true_positive,
        "positive_rate": positive,
        "bras": float(scib_metrics.bras(x, celltype, batch)),
    }


def nearest(x: Array, k: int) -> NeighborsResults:
    """Find the exact Euclidean `k` nearest neighbours of each cell, itself the first."""
    distances, indices = _search(x, k - 1)
    own = np.arange(len(x))[:, None]
    return NeighborsResults(
        indices=np.hstack([own, indices]),
        distances=np.hstack([np.zeros_like(own, dtype=np.float32), distances]).astype(np.float32),
    )


def blisi(x: Array, batch: Codes, celltype: Codes) -> float:
    """Average each type's scaled batch LISI by type size.

    Neighbours are sought within the type, and (mean LISI - 1) / (its batches - 1) runs from
    0 to 1. Types in a single batch or with fewer than 10 cells are left out.
    """
    scores, sizes = [], []
    for label in np.unique(celltype):
        cells = np.flatnonzero(celltype == label)
        present, codes = np.unique(batch[cells], return_inverse=True)
        if len(present) > 1 and len(cells) >= MIN_TYPE_SIZE:
            scores.append((lisi(x[cells], codes).mean() - 1) / (len(present) - 1))
            sizes.append(len(cells))
    return float(np.average(scores, weights=sizes)) if sizes else float("nan")


def lisi(x: Array, codes: Codes) -> Array:
    """Return each cell's inverse Simpson index of `codes` among its weighted neighbours.

    Perplexity 30, or a sixth of the cells where they are fewer than 90; thrice as many
    neighbours, the cell itself one of them but without weight.
    """
    perplexity = PERPLEXITY if len(x) >= NEIGHBORS else len(x) // 6
    distances, indices = _search(x, 3 * perplexity - 1)
    weights = _perplexity_weights(distances, perplexity)
    share = [(weights * (codes[indices] == c)).sum(axis=1) for c in range(codes.max() + 1)]
    return 1 / np.square(share).sum(axis=0)


def positive_rates(x: Array, batch: Codes, celltype: Codes) -> tuple[float, float]:
    """Return the shares of positive and of true-positive cells (iMAP's definition).

    The batches are counted over those of the min(100, type size) nearest cells, the cell
    itself one of them, that share its type.
    """
    indices = nearest(normalize(x), 100).indices  # on unit rows, the order of the cosine
    same, rank = celltype[indices] == celltype[:, None], np.arange(indices.shape[1])
    size = np.bincount(celltype)[celltype, None]
    k = np.minimum(20, size)
    positive = (same & (rank >= 1) & (rank <= k)).sum(axis=1) > k[:, 0] / 2
    near = same & (rank < np.minimum(100, size))
    balanced = _balanced(near, batch[indices], _batch_shares(batch, celltype))
    return float(positive.mean()), float((positive & balanced).mean())


def _batch_shares(batch: Codes, celltype: Codes) -> Array:
    """Return, cells x batches, each batch's share of the cell's type."""
    counts = np.zeros((celltype.max() + 1, batch.max() + 1))
    np.add.at(counts, (celltype, batch), 1)
    return (counts / counts.sum(axis=1, keepdims=True))[celltype]


def _balanced(near: npt.NDArray[np.bool_], batches: Codes, shares: Array) -> npt.NDArray[np.bool_]:
    """Say where every batch is within 3 s.d. of its expected count among the near cells.

    Written as a product, so that a type in one batch only (s.d. 0) is balanced.
    """
    m = near.sum(axis=1)
    balanced = np.ones(len(near), dtype=bool)
    for b, share in enumerate(shares.T):
        count = (near & (batches == b)).sum(axis=1)
        balanced &= np.abs(count - m * share) <= 3 * np.sqrt(m * share * (1 - share))
    return balanced


def _perplexity_weights(distances: Array, perplexity: float, steps: int = 50) -> Array:
    """Weight neighbours by exp(-beta d), beta bisected so that exp(entropy) = perplexity.

    Distances are taken from the nearest neighbour on, which leaves the weights as they are
    but keeps them from vanishing.
    """
    d = (distances - distances[:, :1]).astype(np.float64)
    scale = np.maximum(d.mean(axis=1, keepdims=True), 1e-12)
    low, high = np.full_like(scale, -12.0), np.full_like(scale, 12.0)  # log(beta * scale)
    for _ in range(steps):
        middle = (low + high) / 2
        w = np.exp(-d * np.exp(middle) / scale)
        total = w.sum(axis=1, keepdims=True)
        w /= total
        entropy = np.log(total) + (w * d).sum(axis=1, keepdims=True) * np.exp(middle) / scale
        flat = entropy > np.log(perplexity)
        low, high = np.where(flat, middle, low), np.where(flat, high, middle)
    return w


def _search(x: Array, k: int) -> tuple[Array, Codes]:
    """Return distances and indices of each cell's `k` nearest others (all, if fewer)."""
    search = NearestNeighbors(n_neighbors=min(k, len(x) - 1), algorithm="brute").fit(x)
    return search.kneighbors()


def _first(neighbors: NeighborsResults, n: int) -> NeighborsResults:
    """Keep the `n` nearest neighbours, or all there are."""
    return neighbors.subset_neighbors(n=min(n, neighbors.n_neighbors))


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


def _check(x: Array, pca: Array, batch: Codes, celltype: Codes) -> None:
    """Refuse arrays that do not describe the same cells, or that cannot be scored."""
    if x.ndim != 2 or pca.ndim != 2:
        raise ValueError("embedding and unintegrated_pca must be cells x dimensions")
    if len({len(x), len(pca), len(batch), len(celltype)}) > 1:
        raise ValueError("embedding, batch, celltype and unintegrated_pca differ in length")
    if not (np.isfinite(x).all() and np.isfinite(pca).all()):
        raise ValueError("embedding or unintegrated_pca holds values that are not finite")
    if batch.max() == 0 or celltype.max() == 0:
        raise ValueError("need at least two batches and two cell types")


def unintegrated_pca(adata: anndata.AnnData, batch_key: str) -> Array:
    """Return 50 components of the log-normalised 2,000 batch-aware variable genes.

    `adata.X` holds raw counts, cells and genes already filtered.
    """
    adata = anndata.AnnData(adata.X.copy(), obs=adata.obs[[batch_key]].copy())
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=2000, batch_key=batch_key)
    return sc.pp.pca(adata[:, adata.var["highly_variable"]].X, n_comps=50)


def main() -> None:
    """Print the scores of one embedding of one file as a line of JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("file", help="h5ad; its X holds counts unless --pca-key is in obsm")
    parser.add_argument("--embedding", required=True, help="key in obsm")
    parser.add_argument("--batch-key", default="batch")
    parser.add_argument("--label-key", default="celltype")
    parser.add_argument("--pca-key", default="X_pca", help="unintegrated PCA; made if absent")
    args = parser.parse_args()
    adata = anndata.read_h5ad(args.file)
    has_pca = args.pca_key in adata.obsm
    pca = adata.obsm[args.pca_key] if has_pca else unintegrated_pca(adata, args.batch_key)
    batch, celltype = adata.obs[args.batch_key], adata.obs[args.label_key]
    scores = composite(adata.obsm[args.embedding], batch, celltype, pca)
    print(json.dumps({"file": args.file, "embedding": args.embedding} | scores))


if __name__ == "__main__":
    main()

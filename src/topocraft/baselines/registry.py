"""Every compared method, in the order of the tables; the versions are those that were seen to install and run."""

from __future__ import annotations

from functools import partial

from topocraft.baselines.method import Method
from topocraft.errors import ConfigError, nearest_name

_CELLS = ("anndata==0.12.19", "numpy==2.4.6", "pandas==2.3.3", "scipy==1.17.1")
_SCVI = ("scvi-tools==1.4.2", "torch==2.13.0", "lightning==2.6.6", "scanpy==1.11.5", *_CELLS)
_SEARCHED = ("annoy==1.17.3", "torch==2.13.0", "scanpy==1.11.5", "scikit-learn==1.9.1", "pynndescent==0.6.0")

# The package's metadata lacks a comma, which newer tools refuse. What it then names beside these it never imports.
_SCDML_BEFORE = (
    ("pip==24.0", "setuptools==65.7.0", "wheel==0.37.1"),
    ("--no-deps", "--no-build-isolation", "scDML==0.0.1"),
)
_SCDML = (
    *("louvain==0.8.2", "igraph==0.11.9", "hnswlib==0.8.0", "pytorch-metric-learning==2.9.0", "plotly==7.1.0"),
    *("ipython==9.18.1", "setuptools==80.9.0"),  # louvain imports pkg_resources
    *_SEARCHED,
    *_CELLS,
)
_IMAP = (  # it calls np.bool8
    *("imap==1.0.0", "numpy==1.26.4", "anndata==0.12.19", "pandas==2.3.3", "scipy==1.17.1"),
    *_SEARCHED,
)
_COMPILER = "annoy is compiled as it is installed, by a C++ compiler: apt install g++, or xcode-select --install."

_of_scvi_tools = partial(
    Method,
    takes="counts",
    home="own",
    library="scvi-tools",
    requirements=_SCVI,
    environment="scvi",
    modules=("scvi",),
    licence="BSD-3-Clause",
    homepage="https://scvi-tools.org",
)

_ALL = (
    Method(
        name="topocraft",
        title="topocraft",
        summary="Mixes batches by an adversary, held by what is reliably known within each batch.",
        reads="all",
        modules=("torch",),
        licence="MIT",
        homepage="https://doi.org/10.1038/s42003-025-07988-y",
        doi="10.1038/s42003-025-07988-y",
    ),
    Method(
        name="harmony",
        title="Harmony",
        summary="Moves principal components until soft clusters hold every batch.",
        home="own",
        library="harmonypy",
        requirements=("harmonypy==2.1.0", *_CELLS),
        modules=("harmonypy",),
        licence="GPL-3.0-or-later",
        homepage="https://github.com/slowkow/harmonypy",
        doi="10.1038/s41592-019-0619-0",
    ),
    Method(
        name="scanorama",
        title="Scanorama",
        summary="Joins batches by the mutual nearest neighbours of every pair.",
        home="own",
        library="scanorama",
        requirements=("scanorama==1.7.4", "annoy==1.17.3", "scikit-learn==1.9.1", *_CELLS),
        modules=("scanorama",),
        needs=_COMPILER,
        licence="MIT",
        homepage="https://github.com/brianhie/scanorama",
        doi="10.1038/s41587-019-0113-3",
    ),
    Method(
        name="bbknn",
        title="BBKNN",
        summary="Takes every cell's neighbours from each batch alike.",
        gives="graph",
        home="own",
        library="bbknn",
        requirements=("bbknn==1.6.0", "annoy==1.17.3", "umap-learn==0.5.12", "pynndescent==0.6.0", *_CELLS),
        modules=("bbknn",),
        needs=_COMPILER,
        licence="MIT",
        homepage="https://github.com/Teichlab/bbknn",
        doi="10.1093/bioinformatics/btz625",
    ),
    _of_scvi_tools(
        name="scvi",
        title="scVI",
        summary="Variational autoencoder of counts, whose decoder is told the batch.",
        doi="10.1038/s41592-018-0229-2",
    ),
    _of_scvi_tools(
        name="scanvi",
        title="scANVI",
        summary="scVI that learns from the cell types as well.",
        labelled=True,
        doi="10.15252/msb.20209620",
    ),
    Method(
        name="rpca",
        title="Seurat RPCA",
        summary="Anchors between batches, found in each other's principal components.",
        r_packages=("Seurat",),
        needs="R with Seurat: apt install r-cran-seurat, or in R: install.packages('Seurat').",
        licence="MIT",
        homepage="https://satijalab.org/seurat",
        doi="10.1016/j.cell.2021.04.048",
    ),
    Method(
        name="scdml",
        title="scDML",
        summary="Merges clusters of all batches by their neighbours, then learns them by triplets.",
        home="own",
        library="scDML",
        before=_SCDML_BEFORE,
        requirements=_SCDML,
        modules=("scDML",),
        needs=f"Python 3.11. {_COMPILER}",
        licence="MIT",
        homepage="https://github.com/eleozzr/scDML",
        doi="10.1038/s41467-023-36635-5",
    ),
    Method(
        name="imap",
        title="iMAP",
        summary="Autoencoder of the content, then an adversary that carries each batch over to another.",
        home="own",
        library="imap",
        requirements=_IMAP,
        modules=("imap.stage2",),
        needs=_COMPILER,
        licence="MIT",
        homepage="https://github.com/Svvord/iMAP",
        doi="10.1186/s13059-021-02280-8",
    ),
    Method(
        name="unintegrated",
        title="unintegrated",
        summary="The principal components from which the others start.",
        control=True,
        licence="MIT",
        homepage="",
        doi="",
    ),
)

METHODS: dict[str, Method] = {known.name: known for known in _ALL}


def method(name: str) -> Method:
    """Return a compared method by its name.

    Raises
    ------
    ConfigError
        There is no such method; the nearest name is named.

    Examples
    --------
    >>> from topocraft.baselines import method
    >>> method("bbknn").gives
    'graph'
    """
    if name not in METHODS:
        raise ConfigError(f"method must be one of {', '.join(METHODS)}; got '{name}'.{nearest_name(name, METHODS)}")
    return METHODS[name]

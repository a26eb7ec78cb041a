"""The nine real datasets of the scCRAFT paper (He et al. 2025, doi:10.1038/s42003-025-07988-y, Data availability).

Addresses are those that the paper names, or of the collection that it took the processed file from. A checksum stands
here only where a public one was found: those of figshare's 12420968 and of the macaque archive were recorded by public
reruns of other benchmarks, in the algorithm that the host itself names. Numbers of cells, batches and types are those
of the paper, or of the study that prepared the file.
"""

from __future__ import annotations

from functools import partial

from topocraft.data.datasets.entries import Dataset, RemoteFile

FIGSHARE = ("https://figshare.com/ndownloader/files/{}", "https://api.figshare.com/v2/file/download/{}")
SCDML_LISTINGS = (
    "https://api.figshare.com/v2/articles/20499630/versions/2",
    "https://api.figshare.com/v2/articles/20499630/files?page_size=1000",
)
SCDML_ARCHIVES = "https://media.githubusercontent.com/media/eleozzr/scDML_reproduce/main/data_used/"
SCARCHES_FOLDER = "https://drive.google.com/drive/folders/1QQXDuUjKG8CTnwWW_u83MDtdrBXr8Kpq"

SCIB = partial(
    Dataset,
    licence="CC BY 4.0",
    citation="doi:10.1038/s41592-021-01336-8",
    url="https://doi.org/10.6084/m9.figshare.12420968.v8",
    layer="counts",
)
SCDML = partial(
    Dataset,
    licence="see its page",
    citation="doi:10.1038/s41467-023-36635-5",
    url="https://doi.org/10.6084/m9.figshare.20499630.v2",
    batch_key=("BATCH", "batch"),
)
SCARCHES = partial(
    Dataset,
    licence="not stated",
    citation="doi:10.1038/s41587-021-01001-7",
    url="https://github.com/theislab/scarches-reproducibility",
)


def _scib(name: str, number: int, size: int, md5: str) -> tuple[RemoteFile, ...]:
    addresses = tuple(address.format(number) for address in FIGSHARE)
    return (RemoteFile(name, addresses, f"md5:{md5}", size),)


def _listed(name: str) -> RemoteFile:
    return RemoteFile(name, listings=SCDML_LISTINGS)


_DATASETS = (
    SCDML(
        "bct",
        "Mouse mammary epithelium, three studies",
        9_288,
        3,
        3,
        origin="PubMed 29158510, 29225342, 30089273",
        files=(_listed("bct_raw.h5ad"), RemoteFile("bct_raw.zip", (SCDML_ARCHIVES + "bct_raw.zip",))),
        note="Its 1,222 genes were chosen by the source.",
    ),
    SCDML(
        "bct-del",
        "bct without some types in some batches",
        7_251,
        3,
        3,
        origin="bct, from which the source took cells away",
        files=(_listed("bct_del_raw.h5ad"),),
        by_hand="The file's name follows the source's pattern and is not confirmed: take the one that the article has.",
    ),
    SCIB(
        "human-immune",
        "Human blood and bone marrow, five studies",
        33_506,
        10,
        16,
        origin="GSE120221, GSE107727, GSE115189, GSE128066, GSE94820, 10x Genomics pbmc_10k_v3",
        files=_scib("Immune_ALL_human.h5ad", 25717328, 2_064_748_344, "482a6a3117432d41a46effd8376b8ee0"),
        label_key=("final_annotation",),
        note="The batch of GSE94820 (Villani) holds TPM, not counts.",
    ),
    SCARCHES(
        "human-immune-part",
        "A part of the human immune cells, as used by scArches",
        origin="GSE120221, GSE115189, GSE128066, 10x Genomics pbmc_10k_v3",
        files=(RemoteFile("human-immune-part-source.h5ad"),),
        batch_key=("condition", "batch"),
        label_key=("final_annotation",),
        by_hand=f"The paper names no file. scArches keeps its files in {SCARCHES_FOLDER}; its programs read "
        "Immune_ALL_human_wo_villani_rqr_normalized_hvg.h5ad.",
    ),
    SCIB(
        "pancreas",
        "Human pancreatic islets, nine sets of six technologies",
        16_382,
        9,
        14,
        origin="GSE81076, GSE85241, GSE86469, GSE84133, GSE81608, E-MTAB-5061",
        files=_scib("human_pancreas_norm_complexBatch.h5ad", 24539828, 315_955_785, "5aa155652b998c90395a0c9bd731b4b3"),
        batch_key=("tech",),
        note="Not all of its counts are whole: CEL-seq corrected for collisions of UMIs, expected counts of Fluidigm "
        "C1, RPKM of SMARTer.",
    ),
    SCIB(
        "lung-atlas",
        "Human lung and airway, sixteen donors, 10x and Drop-seq",
        32_472,
        16,
        17,
        origin="GSE130148; doi:10.1038/s41591-019-0468-5",
        files=_scib("Lung_atlas_public.h5ad", 24539942, 1_019_664_664, "aac0832c3e3413ae279343f5de02a2c6"),
        label_key=("cell_type",),
        note="Only the Drop-seq donors (B1 to B4) hold whole counts; the 10x donors were normalised by the source.",
    ),
    SCDML(
        "lung-two-species",
        "Lung of human and mouse",
        20_760,
        2,
        17,
        origin="GSE133747; doi:10.1126/sciadv.aaw3851",
        files=(_listed("Lung_two_species_raw.h5ad"),),
        note="Its 62,781 genes are those of both species as the source named them.",
    ),
    SCDML(
        "macaque-retina",
        "Bipolar cells of the macaque retina, four animals, thirty samples",
        30_302,
        30,
        12,
        origin="GSE118480; doi:10.1016/j.cell.2019.01.004",
        files=(
            RemoteFile(
                "macaque_raw.zip",
                (SCDML_ARCHIVES + "macaque_raw.zip",),
                "sha256:01d4554956230973a9647a0946d4a7b151056504eb13bcd74aa45d150e6fc6a2",
                58_586_260,
            ),
            _listed("macaque_raw.h5ad"),
        ),
    ),
    SCARCHES(
        "hcl-mca",
        "Human Cell Landscape and Mouse Cell Atlas",
        372_789,
        2,
        95,
        origin="doi:10.1038/s41586-020-2157-4, doi:10.1016/j.cell.2018.02.001",
        files=(RemoteFile("hcl-mca-source.h5ad"),),
        batch_key=("species",),
        note="63 human and 50 mouse types, 18 of them shared; 5,000 genes that both species have.",
        by_hand=f"scArches keeps its files in {SCARCHES_FOLDER}; its programs read hcl_mca_orth_1e4_species_age.h5ad.",
    ),
)

PUBLISHED: dict[str, Dataset] = {dataset.name: dataset for dataset in _DATASETS}

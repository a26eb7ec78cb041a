"""Tables of orthologs in the forms in which they are had, and the rules for several partners."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from topocraft.data.ortholog_table import Orthologs, read_orthologs, upper_case
from topocraft.errors import ConfigError, FileError, InputError

PAIRS = [["CD8B", "Cd8b1"], ["GAPDH", "Gapdh"]]


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.csv", "human,mouse\nCD8B,Cd8b1\nGAPDH,Gapdh\n"),
        ("own.tsv", "Mouse\tHuman\nCd8b1\tCD8B\nGapdh\tGAPDH\n"),
        ("hcop.txt", "human_entrez_gene\thuman_symbol\tmouse_symbol\n1\tCD8B\tCd8b1\n2\tGAPDH\tGapdh\n"),
        (
            "biomart-human.csv",
            "Gene stable ID,Gene name,Mouse gene name,Mouse gene stable ID\n"
            "E1,CD8B,Cd8b1,M1\nE2,MT-TF,,\nE3,GAPDH,Gapdh,M3\nE4,GAPDH,Gapdh,M3\n",
        ),
        ("biomart-mouse.txt", "Gene name\tHuman gene name\nCd8b1\tCD8B\nGapdh\tGAPDH\nGm1\t\n"),
        (
            "HOM_MouseHumanSequence.rpt",
            "DB Class Key\tCommon Organism Name\tNCBI Taxon ID\tSymbol\n"
            "1\tmouse, laboratory\t10090\tCd8b1\n1\thuman\t9606\tCD8B\n"
            "2\tmouse, laboratory\t10090\tGapdh\n2\thuman\t9606\tGAPDH\n3\thuman\t9606\tALONE\n",
        ),
    ],
)
def test_the_tables_that_are_about(tmp_path: Path, name: str, text: str) -> None:
    found = read_orthologs(table(tmp_path / name, text))
    assert found.pairs.to_numpy().tolist() == PAIRS
    assert list(found.pairs.columns) == ["human", "mouse"]
    assert found.source == str(tmp_path / name)


def test_a_class_of_several_genes_gives_every_pair(tmp_path: Path) -> None:
    text = "DB Class Key\tCommon Organism Name\tSymbol\n7\tmouse, laboratory\ta\n7\tmouse, laboratory\tb\n7\thuman\tA\n"
    assert read_orthologs(table(tmp_path / "mgi.rpt", text)).pairs.to_numpy().tolist() == [["A", "a"], ["A", "b"]]


def test_columns_may_be_named_and_the_file_packed(tmp_path: Path) -> None:
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress(b"x,y,human,mouse\nGapdh,GAPDH,1,2\nCd8b1,CD8B,3,4\n"))
    found = read_orthologs(tmp_path / "own.csv.gz", human="y", mouse="x")
    assert sorted(found.pairs.to_numpy().tolist()) == PAIRS


def test_genes_called_na_are_genes(tmp_path: Path) -> None:
    found = read_orthologs(table(tmp_path / "own.csv", "human,mouse\nNA,nan\n TRUE ,Null\n"))
    assert found.pairs.to_numpy().tolist() == [["NA", "nan"], ["TRUE", "Null"]]


def test_tables_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"there is no '.*none\.csv'\. Get one from Ensembl BioMart"):
        read_orthologs(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00,\xff")
    with pytest.raises(FileError, match=r"bytes\.csv' must be a table that can be read"):
        read_orthologs(tmp_path / "bytes.csv")
    with pytest.raises(InputError, match=r"must name its columns .* in the first line; it has 'GAPDH', 'Gapdh'\."):
        read_orthologs(table(tmp_path / "headless.csv", "GAPDH,Gapdh\nCD8B,Cd8b1\n"))
    with pytest.raises(InputError, match=r"must hold at least one pair .*; it holds none\."):
        read_orthologs(table(tmp_path / "empty.csv", "human,mouse\n,Gapdh\nGAPDH,\n"))
    own = table(tmp_path / "own.csv", "human,mouse\nGAPDH,Gapdh\n")
    with pytest.raises(InputError, match=r"has no column 'mous'\. Did you mean 'mouse'\?"):
        read_orthologs(own, human="human", mouse="mous")
    with pytest.raises(ConfigError, match="must both name a column, or neither"):
        read_orthologs(own, human="human")


def orthologs(*pairs: tuple[str, str]) -> Orthologs:
    return Orthologs(pd.DataFrame(pairs, columns=["human", "mouse"]), "here")


FAMILIES = orthologs(
    ("GAPDH", "Gapdh"),  # one to one
    ("HBA2", "Hba-a1"), ("HBA1", "Hba-a1"), ("HBA1", "Hba-a2"),  # several to several, through HBA1
    ("INS", "Ins1"), ("INS", "Ins2"),  # one to several
    ("AMY1A", "Amy1"), ("AMY1B", "Amy1"),  # several to one
)  # fmt: skip


def test_one_to_one_keeps_pairs_without_another_partner() -> None:
    kept = FAMILIES.features("one-to-one")
    assert kept.to_numpy().tolist() == [["human", "GAPDH", "GAPDH"], ["mouse", "Gapdh", "GAPDH"]]


def test_sum_joins_all_that_hang_together() -> None:
    features = FAMILIES.features("sum").groupby(["feature", "species"])["gene"].agg(sorted).to_dict()
    assert features == {
        ("GAPDH", "human"): ["GAPDH"],
        ("GAPDH", "mouse"): ["Gapdh"],
        ("HBA1/HBA2", "human"): ["HBA1", "HBA2"],
        ("HBA1/HBA2", "mouse"): ["Hba-a1", "Hba-a2"],
        ("INS", "human"): ["INS"],
        ("INS", "mouse"): ["Ins1", "Ins2"],
        ("AMY1A/AMY1B", "human"): ["AMY1A", "AMY1B"],
        ("AMY1A/AMY1B", "mouse"): ["Amy1"],
    }


def test_a_name_that_both_species_bear_joins_nothing_else() -> None:
    features = orthologs(("A", "B"), ("B", "C")).features("sum")
    assert features.set_index(["species", "gene"])["feature"].to_dict() == {
        ("human", "A"): "A",
        ("human", "B"): "B",
        ("mouse", "B"): "A",
        ("mouse", "C"): "B",
    }


def test_an_unknown_rule() -> None:
    with pytest.raises(ConfigError, match=r"rule must be 'one-to-one' or 'sum'; got 'mean'\."):
        FAMILIES.features("mean")  # type: ignore[arg-type]


def test_symbols_that_are_the_same_in_capitals() -> None:
    found = upper_case(["GAPDH", "CD8B", "C1orf112"], ["Gapdh", "Cd8b1", "C1ORF112", "gapdh"])
    assert sorted(found.pairs.to_numpy().tolist()) == [["C1orf112", "C1ORF112"], ["GAPDH", "Gapdh"], ["GAPDH", "gapdh"]]
    assert found.features("one-to-one")["feature"].unique().tolist() == ["C1orf112"]

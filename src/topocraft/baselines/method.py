"""What is known of a compared method, and what a run of it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from scipy import sparse

Gives = Literal["embedding", "graph"]
Takes = Literal["counts", "log1p"]
Reads = Literal["selected", "all"]
Home = Literal["here", "own"]
Status = Literal["ok", "failed", "timed out", "out of memory", "not installed", "not applicable"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of integration, and how to run it.

    Parameters
    ----------
    name, title, summary
        What the command calls it, what its authors call it, and what it does, in one sentence.
    program
        Module in ``topocraft.baselines.programs``, without the ending, or a file by its absolute path; the method's own
        name where left out.
    gives
        An embedding (cells × dimensions), or only a graph (cells × cells, larger is nearer).
    takes
        "counts" where it needs raw counts, "log1p" where log-normalised values or components are enough.
    reads
        Which file of a preparation it gets: the highly variable genes, or all genes.
    labelled
        Whether it sees the cell types.
    control
        Whether it is a floor or ceiling instead of a method.
    deterministic
        Whether the same seed gives the same bytes on one machine.
    home
        Where its libraries are looked for: "here", in this Python; "own", in an environment of its own, or else here.
    library
        Package that does the work, whose version a run reports.
    requirements
        What pip installs into its own environment.
    before
        Arguments of calls of ``pip install`` that must come before that, for packages that need it.
    environment
        Name of that environment, which methods of one library share; the method's own name where left out.
    modules, r_packages
        What must be importable in its Python, and in R, for the method to count as installed.
    licence, homepage, doi
        Of the library that does the work, and of the paper.
    needs
        What must be there beside what pip installs, one sentence; empty where nothing must.
    """

    name: str
    title: str
    summary: str
    licence: str
    homepage: str
    doi: str
    program: str = ""
    gives: Gives = "embedding"
    takes: Takes = "log1p"
    reads: Reads = "selected"
    labelled: bool = False
    control: bool = False
    deterministic: bool = True
    home: Home = "here"
    library: str = ""
    requirements: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    environment: str = ""
    modules: tuple[str, ...] = ()
    r_packages: tuple[str, ...] = ()
    needs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", self.program or self.name)


@dataclass(frozen=True, eq=False)
class Output:
    """What a method gave, in the order of the prepared cells; exactly one of the two is there.

    ``embedding`` is (n_cells, n_dims), float32, finite. ``graph`` is (n_cells, n_cells), CSR, float32, not negative:
    weights of neighbours, larger is nearer.
    """

    embedding: np.ndarray | None = None
    graph: sparse.csr_matrix | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """One run of one method: how it ended, what it cost, what it gave.

    Parameters
    ----------
    method, seed
        Which method, by name, with which seed.
    status
        How it ended; ``output`` is there where this is "ok", and only then.
    reason
        One line that says why it is not "ok"; empty where it is.
    seconds
        Wall time inside the method itself, once its libraries are imported; NaN where it did not come to an end.
    wall_seconds
        Wall time of the whole process: start, reading, the method, writing.
    cpu_seconds
        Processor time of the process and its children, user and system.
    peak_bytes
        Peak memory: the resident set, in bytes, that the operating system saw at most in a single process, or the
        sum over all processes of the run where that was seen to be larger; 0 where nothing was started. The memory
        of an accelerator is not in it.
    version
        Version of the library that did the work, as in "harmonypy 2.1.0"; empty where that is not known.
    log
        The last lines that the method printed.
    """

    method: str
    seed: int
    status: Status
    reason: str = ""
    seconds: float = float("nan")
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    version: str = ""
    log: str = ""
    output: Output | None = None

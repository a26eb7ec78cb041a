"""The options that only ``topocraft audit`` has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from topocraft.cli.options import COLUMNS, METHOD, RESULT, Count, Name, Names, Number, option

AuditTypes = Annotated[
    Name,
    option("--label-key", COLUMNS, "Column of obs with the cell types; without it, clusters matched across batches."),
]
AuditedEmbedding = Annotated[Name, option("--embedding -e", COLUMNS, "Key of obsm to audit.", "X_topocraft")]
Conditions = Annotated[
    Names,
    option("--condition", COLUMNS, "Column of obs that batches may be confounded with; repeatable.", metavar="<str>"),
]
AuditFolder = Annotated[Path | None, option("--output -o", RESULT, "Folder to write into.")]
WithJson = Annotated[bool, option("--json", RESULT, "Write audit.json too: statements, tables and facts.")]
WithCsv = Annotated[bool, option("--csv", RESULT, "Write statements and tables as CSV too.")]
Budget = Annotated[
    Number, option("--budget", METHOD, "What integrating again may cost, in integrations; 0 for not at all.", 1.5)
]
Permutations = Annotated[Count, option("--permutations", METHOD, "Draws of every permutation test.", 199)]

"""What integration did, told: a summary as small values, and a page to open in a browser."""

from topocraft.report.summary import Change, Report, TypeRow, score_result, summarise
from topocraft.report.writing import write_report

__all__ = ["Change", "Report", "TypeRow", "score_result", "summarise", "write_report"]

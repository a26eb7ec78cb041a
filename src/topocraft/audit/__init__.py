"""What integration destroyed, and how sure that is: every finding with its number, its null and its meaning."""

from topocraft.audit.auditing import audit
from topocraft.audit.records import Audit, Statement, as_json

__all__ = ["Audit", "Statement", "as_json", "audit"]

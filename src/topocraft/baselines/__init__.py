"""Every compared method behind one signature.

>>> from topocraft.baselines import METHODS
>>> METHODS["harmony"].gives
'embedding'
"""

from topocraft.baselines.calling import integrate
from topocraft.baselines.method import Method, Output, Run
from topocraft.baselines.registry import METHODS, method

__all__ = ["METHODS", "Method", "Output", "Run", "integrate", "method"]

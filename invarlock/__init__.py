"""invarlock: did this weight edit make the model worse than the one people rely on?"""

from typing import Final

__version__: Final = "0.1.0"

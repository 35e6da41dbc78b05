"""Functions as compiled programs: traced once, checked, and made one program by torch's compiler."""

from .calls import compiled as compiled

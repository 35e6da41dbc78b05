"""The report of `genus compare`: figures in groups, in words, and on one page."""

from .groups import Group as Group
from .groups import groups as groups
from .groups import printed as printed
from .page import page as page
from .verdict import verdict as verdict

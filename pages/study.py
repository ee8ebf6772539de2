"""Reader study: the sentences of blinded reports, marked one by one."""

from saerad_core.ui.state import here
from saerad_core.ui.study import show_study

show_study(here())

"""The reading Api and what it gives, under the names that scripts import and annotate with."""

from runlake.api.api import Api
from runlake.api.files import File, Files
from runlake.api.people import User
from runlake.api.project import Project, Projects
from runlake.api.runs import Runs
from runlake.api.scan import HistoryScan
from runlake.api.stored_run import StoredRun as Run
from runlake.api.sweep import Sweep, Sweeps

__all__ = ["Api", "File", "Files", "HistoryScan", "Project", "Projects", "Run", "Runs", "Sweep", "Sweeps", "User"]

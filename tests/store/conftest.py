import pytest

from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.memory import MemoryJournal


@pytest.fixture(params=["folder", "memory"])
def journal(request, tmp_path):
    return FolderJournal(tmp_path) if request.param == "folder" else MemoryJournal()

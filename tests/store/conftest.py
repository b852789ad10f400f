import pytest

from runlake.store.folder_journal import FolderJournal
from runlake.store.memory_journal import MemoryJournal


@pytest.fixture(params=["folder", "memory"])
def journal(request, tmp_path):
    return FolderJournal(tmp_path) if request.param == "folder" else MemoryJournal()

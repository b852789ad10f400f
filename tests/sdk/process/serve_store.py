"""A server of its own process, to be killed: ``python serve_store.py <store> <port>``; its app has no keys."""

import sys
from pathlib import Path

import uvicorn

from runlake.service.local.service import LocalService
from served import Holder, make_app

if __name__ == "__main__":
    holder = Holder()
    holder.service = LocalService(Path(sys.argv[1]), default_entity="ann")
    uvicorn.run(make_app(holder), port=int(sys.argv[2]), log_level="warning", lifespan="off")

"""The native HTTP API: each handler reads the request, calls one verb of the service, and prints its answer."""

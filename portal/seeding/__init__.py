"""The example estate of the demo: an invented company, Nordhafen Werke, with its people, catalogue and leases."""

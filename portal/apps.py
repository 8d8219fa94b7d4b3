from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # Tasks bind to this application wherever Django runs, so that a web request can wake a worker.
        import portal.celery  # noqa: F401, PLC0415

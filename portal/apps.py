from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # Tasks bind to this application wherever Django runs, so that a web request can wake a worker.
        import portal.celery  # noqa: F401, PLC0415
        from lifecycle.notices import rendering  # noqa: PLC0415 - models must be ready first
        from portal import mail  # noqa: PLC0415 - likewise

        rendering.use(mail.render)

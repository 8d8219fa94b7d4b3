"""The API's table: /api/v1/."""

urlpatterns: list = []

"""What a browser says of itself, as people would say it."""

from __future__ import annotations

from django.utils.translation import gettext as _

# The first that is found holds: most claim to be several.
BROWSERS = {
    "Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox", "Chromium": "Chromium", "Chrome": "Chrome",
    "CriOS": "Chrome", "Safari": "Safari", "curl": "curl",
}  # fmt: skip
SYSTEMS = {
    "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Macintosh": "macOS",
    "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip


def agent_words(agent: str) -> str:
    browser = next((name for sign, name in BROWSERS.items() if sign in agent), "")
    system = next((name for sign, name in SYSTEMS.items() if sign in agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")

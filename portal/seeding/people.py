"""Who works at Nordhafen Werke."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password

from hypervisors.simulated import nordhafen
from lifecycle.models import CostCentre, Team, User
from lifecycle.people import sshkeys

NAMES = {
    "lbrandt": "Lena Brandt", "pzielinski": "Piotr Zieliński", "twieczorek": "Tomasz Wieczorek",
    "sokafor": "Somto Okafor", "mfischer": "Mara Fischer", "jpetersen": "Jonas Petersen",
    "cnowak": "Celina Nowak", "hlindberg": "Hanna Lindberg",
    "rdubois": "Remy Dubois", "akaya": "Aylin Kaya", "dmahler": "Dieter Mahler", "tvogel": "Timo Vogel",
    "mehrlich": "Markus Ehrlich", "klindqvist": "Karin Lindqvist", "ajansen": "Arne Jansen", "ebergman": "Elsa Bergman",
    "nwinkler": "Nora Winkler", "oyilmaz": "Ozan Yılmaz", "isolheim": "Ingrid Solheim", "mnovak": "Marek Novák",
    "gruiz": "Gabriel Ruiz", "bhansen": "Birte Hansen", "wkruger": "Wim Krüger", "lsorensen": "Liv Sørensen",
}  # fmt: skip
SUPERVISORS = {
    "Data Platform": "twieczorek", "Web Shops": "cnowak", "Test Automation": "akaya", "SAP Basis": "klindqvist",
    "Research": "nwinkler", "Network Services": "mnovak", "Terminals": "bhansen",
}  # fmt: skip
ADMIN = "isolheim"
HEAD = "klindqvist"
"""The supervisors' own supervisor."""
SIGN_INS = {"lbrandt": "lena", "twieczorek": "tomasz", "isolheim": "ingrid"}
"""Whoever a visitor signs in as has a short user name."""
SSH_KEYS = {
    "lbrandt": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBmR3p0zy3uDKbqunmzD3JhBCmrsRdhauZkhVQBqZJ9L lena@laptop",
}
"""Public halves; nobody has the others."""
COST_CENTRES = dict(zip(SUPERVISORS, ("4120", "4130", "4140", "4150", "4160", "4170", "4180"), strict=True))


def fill(password: str) -> dict[str, User]:
    """Teams, cost centres and people; returns the people by the name that the hypervisor's events know them by."""
    hashed, unusable = make_password(password), make_password(None)
    people: dict[str, User] = {}
    for team in nordhafen.TEAMS:
        centre = CostCentre.objects.create(code=COST_CENTRES[team.name], name=team.name)
        row = Team.objects.create(name=team.name, cost_centre=centre)
        for login in team.people:
            people[login] = _person(login, row, centre, hashed if login in SIGN_INS else unusable)
    for team in nordhafen.TEAMS:
        supervisor = people[SUPERVISORS[team.name]]
        CostCentre.objects.filter(code=COST_CENTRES[team.name]).update(owner=supervisor)
        User.objects.filter(team__name=team.name).exclude(pk=supervisor.pk).update(supervisor=supervisor)
        if supervisor.pk != people[HEAD].pk:
            User.objects.filter(pk=supervisor.pk).update(supervisor=people[HEAD])
    fresh = {
        person.pk: person for person in User.objects.select_related("team__cost_centre", "cost_centre", "supervisor")
    }
    found = {login: fresh[person.pk] for login, person in people.items()}
    for login, key in SSH_KEYS.items():
        sshkeys.add(found[login], key=key, by=found[login])
    return found


def _person(login: str, team: Team, centre: CostCentre, password: str) -> User:
    first, _, last = NAMES[login].partition(" ")
    username = SIGN_INS.get(login, login)
    return User.objects.create(
        username=username,
        first_name=first,
        last_name=last,
        email=f"{login}@nordhafen.example",
        team=team,
        cost_centre=centre,
        role=User.Role.ADMIN if login == ADMIN else User.Role.EMPLOYEE,
        password=password,
    )

"""The inventory on pages: read in, looked at line by line, put in force, removed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.models import CmdbFile, HolderCandidate
from tests.lifecycle.factories import make_machine, make_user

LINES = "name;owner\nvm-1;lena\nvm-2;lena\nvm-1;Fred\n;lena\n"


@pytest.fixture
def admin(client, world):
    client.force_login(world.admin)
    return client


def _upload(admin, text=LINES, name="cmdb.csv"):
    return admin.post("/sprawl/inventory/", {"file": SimpleUploadedFile(name, text.encode())})


@pytest.fixture
def file(admin, world):
    make_machine("vm-1", endpoint=world.endpoint)
    assert _upload(admin).status_code == 302
    return CmdbFile.objects.get()


def test_a_file_shows_its_lines_before_it_says_anything(admin, file):
    answer = admin.get(f"/sprawl/inventory/{file.pk}/")

    page = answer.content.decode()
    assert [count for _key, _name, count in answer.context["counts"]] == [1, 1, 1, 1]
    assert "Only tried" in page and "3 lines become evidence." in page and "It names no machine." in page
    assert "cmdb.csv" in admin.get("/sprawl/inventory/").content.decode()


def test_lines_can_be_filtered_by_outcome(admin, file):
    answer = admin.get(f"/sprawl/inventory/{file.pk}/", {"outcome": "owner_unknown"})

    assert [row.owner for row in answer.context["page"].rows] == ["Fred"]
    assert len(admin.get(f"/sprawl/inventory/{file.pk}/", {"outcome": "made-up"}).context["page"].rows) == 4


def test_long_files_are_paged(admin, world):
    _upload(admin, "name,owner\n" + "".join(f"vm-{number},lena\n" for number in range(120)))
    file = CmdbFile.objects.get()

    first = admin.get(f"/sprawl/inventory/{file.pk}/").context["page"]
    second = admin.get(f"/sprawl/inventory/{file.pk}/", {"page": first.next}).context["page"]

    assert [first.rows[0].number, second.rows[0].number] == [2, 2 + len(first.rows)]


def test_it_is_put_in_force_once(admin, file):
    assert admin.post(f"/sprawl/inventory/{file.pk}/apply/").status_code == 302
    assert admin.post(f"/sprawl/inventory/{file.pk}/apply/").status_code == 409

    page = admin.get(f"/sprawl/inventory/{file.pk}/").content.decode()
    assert "In force" in page and "Put it in force" not in page


def test_it_is_removed(admin, file):
    admin.post(f"/sprawl/inventory/{file.pk}/apply/")

    assert admin.post(f"/sprawl/inventory/{file.pk}/remove/").status_code == 302
    assert admin.post(f"/sprawl/inventory/{file.pk}/remove/").status_code == 404
    attribute()
    assert not HolderCandidate.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "The file is empty."), ("owner\nlena\n", "No column says which machine"), ("name\nx\n", "owner")],
)
def test_a_file_that_cannot_be_read_says_why(admin, world, text, words):
    answer = _upload(admin, text)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not CmdbFile.objects.exists()


def test_hostile_lines_stay_text(admin, world):
    _upload(admin, "name,owner,note,<b>odd</b>\n<b>vm</b>,<i>lena</i>,<script>1</script>,x\n", "<u>x</u>.csv")
    file = CmdbFile.objects.get()

    for path in ("/sprawl/inventory/", f"/sprawl/inventory/{file.pk}/"):
        page = admin.get(path).content.decode()
        assert not any(tag in page for tag in ("<b>vm", "<i>lena", "<script>1", "<u>x", "<b>odd"))


def test_an_auditor_reads_and_changes_nothing(client, file, world):
    client.force_login(make_user("aurel", role="auditor"))

    assert "remove/" not in client.get(f"/sprawl/inventory/{file.pk}/").content.decode()
    assert _upload(client).status_code == 403
    assert client.post(f"/sprawl/inventory/{file.pk}/apply/").status_code == 403

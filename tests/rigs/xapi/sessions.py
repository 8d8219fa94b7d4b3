"""Logging in and out, what a session may do, and how sessions end by themselves."""

from __future__ import annotations

import time

from tests.rigs.xapi.calls import TABLE, Call, call
from tests.rigs.xapi.context import Context, Pool
from tests.rigs.xapi.database import Obj, now
from tests.rigs.xapi.errors import Failure


@call("session.login_with_password", "1.0", "", bare=True)
def login_with_password(ctx: Context, uname: str, pwd: str, version: str, originator: str) -> str:
    del version
    settings = ctx.settings
    if settings.supporter_of:
        raise Failure("HOST_IS_SLAVE", settings.supporter_of)
    account = settings.accounts.get(uname)
    if account is None or account.password != pwd:
        ctx.pause(settings.bad_login_seconds)
        raise Failure("SESSION_AUTHENTICATION_FAILED", uname, "Authentication failure")
    if not account.role:
        raise Failure("SESSION_AUTHORIZATION_FAILED", uname, "Subject not authorised: no role")
    return _begun(ctx, uname, account.role, originator).ref


@call("session.slave_local_login_with_password", bare=True)
def slave_local_login_with_password(ctx: Context, uname: str, pwd: str) -> str:
    account = ctx.settings.accounts.get(uname)
    if account is None or account.password != pwd:
        ctx.pause(ctx.settings.bad_login_seconds)
        raise Failure("SESSION_AUTHENTICATION_FAILED", uname, "Authentication failure")
    return _begun(ctx, uname, account.role, "").ref


def _begun(ctx: Context, uname: str, role: str, originator: str) -> Obj:
    same = [
        session
        for session in ctx.db.all("session")
        if (session["originator"], session["auth_user_name"]) == (originator, uname)
    ]
    for oldest in same[: max(0, len(same) + 1 - ctx.settings.session_limit)]:
        ctx.db.destroy(oldest)
    all_rights = role == "pool-admin"
    session = ctx.db.create(
        "session",
        this_host=ctx.pool.coordinator,
        last_active=now(),
        validation_time=now(),
        is_local_superuser=all_rights,
        auth_user_name=uname,
        originator=originator,
        rbac_permissions=[] if all_rights else sorted(name.lower() for name, found in TABLE.items() if found.reads),
    )
    session.hidden.update(role=role, used=time.monotonic())
    return session


def resumed(pool: Pool, ref: str) -> Obj:
    session = pool.db.find("session", ref)
    if session and time.monotonic() - session.hidden["used"] > pool.settings.session_seconds:
        pool.db.destroy(session)
        session = None
    if session is None:
        raise Failure("SESSION_INVALID", ref)
    session.hidden["used"] = time.monotonic()
    session.fields["last_active"] = now()
    session.xml = None
    return session


def authorised(pool: Pool, session: Obj, found: Call) -> None:
    if session.hidden["role"] != "pool-admin" and not found.reads:
        raise Failure("RBAC_PERMISSION_DENIED", found.name.lower(), "No permission in user session")


def kill_all(pool: Pool) -> int:
    """Ends every session, as a restart does."""
    doomed = list(pool.db.all("session"))
    for session in doomed:
        pool.db.destroy(session)
    return len(doomed)


def _logout(ctx: Context) -> None:
    assert ctx.session is not None
    ctx.db.destroy(ctx.session)


call("session.logout")(_logout)
call("session.local_logout")(_logout)


@call("session.get_this_host")
def get_this_host(ctx: Context, session: Obj) -> str:
    return str(session["this_host"])


@call("session.get_this_user")
def get_this_user(ctx: Context, session: Obj) -> str:
    return str(session["this_user"])


@call("session.change_password")
def change_password(ctx: Context, old_pwd: str, new_pwd: str) -> None:
    assert ctx.session is not None
    account = ctx.settings.accounts[ctx.session["auth_user_name"]]
    if account.password != old_pwd:
        raise Failure("CHANGE_PASSWORD_REJECTED", "Authentication failure")
    account.password = new_pwd

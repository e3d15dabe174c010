#!/usr/bin/env bash
# Three audit packages for Django hold the person of an entry as a reference, and deleting the account takes it out of past entries.
#
# One would expect: an entry "u-7 created this" still names u-7 after the account is deleted: leavers are whom one asks an audit log about.
# What is so: django-auditlog 3.4.1 is left with no actor; it copies the e-mail address alone, which is empty for accounts without
# one (remote_addr stays). django-simple-history 3.13.0 has history_user None in every past row. django-easy-audit 1.3.9 keeps the
# number, no name. And auditlog, which compares values as text, has no entry at all for a title that was empty and becomes "None".
# Source: seen; the models say on_delete=SET_NULL.
# Why it matters: an ordinary act of the user table changes the audit log, and no entry says that it was changed.
T=$(mktemp -d)
. "$(dirname "$(readlink -f "$0")")/stage"

pypi Django==5.2.19 django-auditlog==3.4.1 django-simple-history==3.13.0 django-easy-audit==1.3.9
mkdir app && touch app/__init__.py
cat > app/models.py <<'Y'
from django.db import models
from auditlog.registry import auditlog
from simple_history.models import HistoricalRecords
class Doc(models.Model):
    title = models.CharField(max_length=60, null=True)
    history = HistoricalRecords()
    class Meta: app_label = "app"
auditlog.register(Doc)
Y
cat > run.py <<'Y'
import django
from django.conf import settings
apps = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "auditlog", "easyaudit", "simple_history", "app"]
settings.configure(INSTALLED_APPS=apps, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
                   DEFAULT_AUTO_FIELD="django.db.models.AutoField", USE_TZ=True, SECRET_KEY="x")
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, run_syncdb=True)
from django.contrib.auth.models import User
from django.test import RequestFactory
from auditlog.context import set_actor
from auditlog.models import LogEntry
from easyaudit.middleware.easyaudit import _thread_locals
from easyaudit.models import CRUDEvent
from app.models import Doc
user = User.objects.create(username="u-7")
request = RequestFactory().get("/"); request.user = user
_thread_locals.request = request
doc = Doc(title=None); doc._history_user = user
with set_actor(user, remote_addr="192.0.2.7"): doc.save()
doc.title = "None"; doc.save()
def show():
    entry, history = LogEntry.objects.filter(content_type__model="doc").order_by("id").first(), Doc.history.order_by("history_id").first()
    easy = CRUDEvent.objects.filter(content_type__model="doc").order_by("id").first()
    print(entry.actor, repr(entry.actor_email), history.history_user, easy.user, easy.user_pk_as_string)
show()
_thread_locals.request = None
user.delete()
show()
print([entry.changes.get("title") for entry in LogEntry.objects.filter(content_type__model="doc").order_by("id")])
Y
python3 run.py > out 2> err || { tail -3 err >&2; cannot "the packages do not run together"; }
saw "before: auditlog, its e-mail, simple-history, easy-audit" "u-7 '' u-7 u-7 1" "$(sed -n 1p out)"
saw "after the account is deleted" "None '' None None 1" "$(sed -n 2p out)"
saw "titles in auditlog's entries for two saves" '[None]' "$(sed -n 3p out)"

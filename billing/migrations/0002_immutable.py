"""The ledger can't be changed: not by a bulk update, not by a bulk delete, not by hand."""

from django.db import migrations

MESSAGE = "the ledger is immutable: reverse the entry instead"

SQLITE = [
    f"""
    CREATE TRIGGER billing_ledgerentry_no_{action} BEFORE {action.upper()} ON billing_ledgerentry
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """
    for action in ("update", "delete")
] + [
    # REPLACE deletes what is in its way without asking the trigger above. One question for each
    # unique index: joined by OR inside, they would read the whole table for every entry.
    f"""
    CREATE TRIGGER billing_ledgerentry_no_replace BEFORE INSERT ON billing_ledgerentry
    WHEN EXISTS (SELECT 1 FROM billing_ledgerentry WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM billing_ledgerentry WHERE reverses_id = NEW.reverses_id)
    OR EXISTS (
        SELECT 1 FROM billing_ledgerentry WHERE generation = NEW.generation
        AND round = NEW.round AND kind = NEW.kind AND NOT (kind = 'reversal')
    )
    BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """  # noqa: S608  # no value of anybody's is in it
]
SQLITE_BACK = [
    f"DROP TRIGGER billing_ledgerentry_no_{action}" for action in ("update", "delete", "replace")
]
POSTGRES = [
    f"""
    CREATE FUNCTION billing_ledger_is_immutable() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    """
    CREATE TRIGGER billing_ledgerentry_immutable BEFORE UPDATE OR DELETE OR TRUNCATE
    ON billing_ledgerentry FOR EACH STATEMENT EXECUTE FUNCTION billing_ledger_is_immutable()
    """,
]
POSTGRES_BACK = [
    "DROP TRIGGER billing_ledgerentry_immutable ON billing_ledgerentry",
    "DROP FUNCTION billing_ledger_is_immutable()",
]


def forwards(apps, schema_editor):
    run(schema_editor, SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRES)


def backwards(apps, schema_editor):
    run(
        schema_editor, SQLITE_BACK if schema_editor.connection.vendor == "sqlite" else POSTGRES_BACK
    )


def run(schema_editor, statements):
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_money")]

    operations = [migrations.RunPython(forwards, backwards, elidable=False)]

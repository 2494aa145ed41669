"""German, a module for each subject."""

from mobile.text.de import absences, account, approvals, entries, general, problems

GERMAN = {
    **general.TEXTS,
    **entries.TEXTS,
    **approvals.TEXTS,
    **absences.TEXTS,
    **problems.TEXTS,
    **account.TEXTS,
}

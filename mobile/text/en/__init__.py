"""English, a module for each subject. The locks and rules are in the server's own words."""

from mobile.text.en import absences, account, approvals, entries, general, problems

ENGLISH = {
    **general.TEXTS,
    **entries.TEXTS,
    **approvals.TEXTS,
    **absences.TEXTS,
    **problems.TEXTS,
    **account.TEXTS,
}

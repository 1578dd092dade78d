"""What was there before: balances from another system come in as opening transfers, from a list in Excel or CSV.

Verbs: ``importing.look`` (writes nothing), ``importing.write``. Laws: a list comes in whole or not at all; whatever is
read twice, in one list or in two, comes in once; the books balance against the scheme's opening account.
"""

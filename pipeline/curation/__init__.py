"""Which faces lie under a wrong name, whom a person is asked about, and how alike strangers are."""

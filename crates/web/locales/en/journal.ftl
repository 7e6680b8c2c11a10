# Journal.
journal-title = { $n } facts, and none can change quietly
journal-lead = Each fact is chained to the one before. What is undone is a new fact.
recent = Last facts
recent-count = { $n }, the newest on top
place = Position
when = When
what = What
by-whom = Who
verify = Check it yourself
verify-text = Keep a checkpoint somewhere else. Later it proves that nothing before it was changed.
checkpoint = Newest checkpoint
checkpoint-keep = Keep this checkpoint
checkpoint-hint = Hand the file to a partner or keep it off this machine, and give it to bolwerk verify --against later: that proves that nothing before it was changed.
verify-how = On the terminal
fact-house-configured = Details of the desk saved
fact-house-organisation-added = Organisation added
fact-house-register-loaded = Register loaded
fact-accounts-created = Account made
fact-accounts-password-set = Password set
fact-accounts-preferred = Preference saved
fact-accounts-disabled = Account closed
fact-accounts-signed-in = Signed in
fact-accounts-signed-out = Session ended
fact-accounts-token-made = Token made
fact-accounts-token-revoked = Token withdrawn
fact-intake-received = Report received
fact-intake-read = Report read
fact-intake-claimed = Report taken
fact-intake-released = Report let go
fact-intake-appraised = Proposal corrected
fact-intake-decided = Report decided
fact-intake-reopened = Decision taken back
fact-intake-waits = Waiting for an answer
fact-intake-snoozed = Report snoozed
fact-intake-woken = Report woken
fact-intake-erasure-asked = Erasure asked
fact-intake-erased = Report erased
fact-intake-countersigned = Erasure confirmed
fact-outbox-queued = Mail made ready
fact-outbox-deferred = Mail not yet delivered
fact-outbox-sent = Mail left
fact-outbox-failed = Mail not delivered
fact-outbox-bounced = Mail came back
fact-outbox-retried = Mail tried again
fact-incidents-opened = Incident opened
fact-incidents-changed = Field changed
fact-incidents-noted = Line written
fact-incidents-task-added = Task added
fact-incidents-task-set = Task updated
fact-incidents-observed = Observable added
fact-incidents-withdrawn = Line withdrawn
fact-incidents-dropped = Incident dropped
fact-incidents-held = Erasing blocked
fact-incidents-hold-lifted = Erasing possible again
fact-intake-moved = Report moved
fact-incidents-merged = Merged
fact-incidents-parted = Apart again
fact-incidents-erasure-asked = Erasure asked
fact-incidents-erased = Erased
fact-incidents-countersigned = Erasure confirmed
fact-house-restore-tested = Backup restored as a test
retention = Retention
retention-lead = How long is what kept, and what is past its term? Nothing is erased by itself.
retention-due = Past its term
retention-answer = { $n ->
    [0] Nothing is past its term
    [one] One item is past its term
   *[other] { $n } items are past their term
}
retention-what = What
retention-since = Runs since
retention-until = Over on
retention-more = And { $n } more.
retention-terms = Terms that this list counts with
retention-days = How long
retention-days-of = { $n ->
    [one] 1 day
   *[other] { $n } days
}
retention-years-of = { $n ->
    [one] 1 year
   *[other] { $n } years
}
retention-from = Holds from
retention-source = Source
kept-spam = junk message
kept-no-incident = message without an incident
kept-message = message of an incident
kept-incident = what was written in an incident
retention-before = Earlier and withdrawn
retention-proposal = proposal
retention-shipped = ships with the program; nobody decided this
retention-new = Set a term
retention-days-hint = In days: a year is 365.
retention-from-hint = A day, also an earlier or a later one, like 15 Dec 2022. The term holds until there is a newer one.
retention-source-hint = Who decided it or where it stands: number and day of the decision. It stays for ever, in the open. So name nobody.
term-later = from then
term-no-more = replaced
term-never = withdrawn
fact-house-term-set = Retention term set
fact-house-term-withdrawn = Retention term withdrawn
nodes = Machines
node-here = (this one)
node-runs = runs
node-stopped = does not run
node-cleared = erased all that had to be
node-behind = has yet to erase
erasures-open = Erasures that still wait
erasures-open-text = What is erased is shown to nobody. Its key is still with these machines, until they run again; if one is gone, the administrator retires it.
erasures-confirmed = None: every machine destroyed every key.
erasure-at = position { $place }
erasure-waits = waits for { $nodes }

# Around every page.
brand = Bolwerk
skip = To the content
language = Language
language-name-nl = Nederlands
language-name-en = English
language-name-fr = Français
language-name-de = Deutsch
demo-mark = demo, invented
demo-foot = Demo: everything on this page is invented, but for what was already public about Antwerp, Diest and Willebroek. Places and sizes of municipalities: Statbel (CC BY 4.0).
title-mistaken = Error:
busy = working …
menu = Menu
nav-label = Main menu
nav-now = Now
nav-duty = Duty desk
nav-incidents = Incidents
nav-outbox = Outgoing
nav-sector = Sector
nav-reports = Reports
nav-boards = Boards
nav-account = Accountability
nav-journal = Journal
nav-settings = Settings
sign-out = Sign out
strip-person = You:
strip-search = Search
live = Live
live-lost = Not live since
live-without = Not live: reload the page
lost-head = No connection since
lost-text = You see the state of that moment. What you write now stays on this device.
lost-retry = Try again
mail-no-way = **Mail cannot leave.** No way out is set up. { $n ->
    [0] Nothing waits.
    [one] 1 mail waits.
   *[other] { $n } mails wait.
}
mail-failing = **Mail has not been leaving since { $since }.** { $n ->
    [one] 1 mail waits.
   *[other] { $n } mails wait.
} What comes in keeps coming in.
store-full = **Storage has been full since { $since }.** Reading works. What you do now is not kept; mail that comes now is put off and comes later. As soon as there is room, it goes on by itself.
store-away = **Storage has not answered since { $since }.** Reading works. What you do now is not kept; mail that comes now is put off and comes later. As soon as storage is back, it goes on by itself.
store-broken = **Storage has been broken since { $since }.** Reading works. What you do now is not kept; mail that comes now is put off and comes later. The administrator must restart the desk: it then checks everything.
mail-unfetched = **The mailbox has not been read since { $since }.** Mail that arrives there is not on this desk yet.
mail-look = See outgoing
undo = Undo
cancel = Cancel
save = Save
erased = erased
list-and = { $first } and { $last }
unknown = unknown
palette-label = Search or do something
palette-hint = Board, reference or action
palette-go = Go to { $place }
phone-take = Take a call
incident-new = New incident
keys-title = Keys
keys-lead = Letters do nothing while you type. You can switch them off in your settings.
key-next = next, previous
key-open = open
key-back = back, close
key-decide = decide about a report
key-snooze = snooze
key-claim = take, assign
key-reply = reply
key-bulk = choose several
key-phone = new: phone report, on every page
key-note = in an incident: write a line
key-decision = in an incident: write a decision
key-task = in an incident: note a task
key-undo = undo
key-go = go to: w duty desk, i incidents, u outgoing, m reports, b boards, j journal, p settings
key-filter = search this list; where there is no search field: everywhere
key-search = search everywhere
key-help = this list
form-mistakes = { $n ->
    [one] 1 more thing, then it can go
   *[other] { $n } more things, then it can go
}
spelled-0 = No
spelled-1 = One
spelled-2 = Two
spelled-3 = Three
spelled-4 = Four
spelled-5 = Five
spelled-6 = Six
spelled-7 = Seven
spelled-8 = Eight
spelled-9 = Nine
spelled-10 = Ten
spelled-11 = Eleven
spelled-12 = Twelve
pages-next = Next
pages-first = First
filter = Show
filter-text = Search this list
filter-all = all

# What just happened.
done-claimed = You work on { $about } now.
done-released = { $about } is free again.
done-incident = { $about } belongs to an incident now.
done-follow-up = { $about } is a follow-up.
done-duplicate = { $about } is a duplicate.
done-no-incident = { $about }: no incident.
done-spam = { $about } is junk.
done-snoozed = { $about } is snoozed.
done-appraised = { $about } was corrected.
done-queued = The mail about { $about } is leaving.
done-bulk-no-incident = { $n ->
    [one] 1 report: no incident.
   *[other] { $n } reports: no incident.
}
done-bulk-spam = { $n ->
    [one] 1 report: junk.
   *[other] { $n } reports: junk.
}
done-bulk-incident = { $n ->
    [one] 1 report belongs to the incident now.
   *[other] { $n } reports belong to the incident now.
}
done-bulk-claimed = { $n ->
    [one] You work on 1 report now.
   *[other] You work on { $n } reports now.
}
done-bulk-released = { $n ->
    [one] 1 report is free again.
   *[other] { $n } reports are free again.
}
done-bulk-snoozed = { $n ->
    [one] 1 report is snoozed.
   *[other] { $n } reports are snoozed.
}
done-bulk-woken = { $n ->
    [one] 1 report is to be judged again.
   *[other] { $n } reports are to be judged again.
}
done-undone = It was undone.
done-changed = { $about } was changed.
done-noted = Your line is in { $about }.
done-task = The tasks of { $about } are up to date.
done-observed = The observable is in { $about }.
done-template-set = The template is kept.
done-template-withdrawn = The template is gone.
done-retried = The mail is leaving again.
done-preferred = Your preference is saved.
done-session-ended = The session has ended.
done-person-added = The account exists now.
done-token-ended = The token no longer works.
done-house = The desk's details are saved.
done-opened = Incident { $about } is open.

# An earlier moment.
moment-label = An earlier moment
moment-as-of = So it was on { $day }, end of the day
moment-as-of-none = So it stood on the desk
moment-known-now = as we know it now
moment-known-at = as we knew it up to position { $n } of the journal
moment-rights = Rights and labels are those of today. Nothing changes here.
moment-now = Back to now
moment-choose = Look at an earlier moment
moment-text = A day shows what was so then, as we know it now. A position in the journal shows what we knew then. Both together work too.
moment-day = At the end of
moment-position = Known up to position
moment-look = Look
moment-from-here = Look from here: what we knew then

# What went wrong.
problem-not-found = This page is not there, or not for you
problem-not-found-text = Check the address, or search for the reference.
problem-sign-in = Sign in first
problem-sign-in-text = Your session is over. What you wrote is still on this device.
problem-forged = This form was not accepted
problem-forged-text = It did not come from this desk, or the page is too old. Go back, reload, and try again.
problem-invalid = This was not saved
problem-invalid-text = A field is not right. Go back; what you wrote is still there.
problem-conflict = Somebody else changed this meanwhile
problem-conflict-text = Nothing was overwritten. Go back and see what is there now.
problem-too-late = This can no longer be done
problem-too-late-text = Somebody was earlier, or it has already happened. Go back and see what is there now.
problem-erased = The content was erased
problem-erased-text = What was here has been destroyed. The journal proves that it was there.
problem-too-large = This is too large
problem-too-large-text = Send less at once, or send it by mail.
problem-too-many = Too many tries
problem-too-many-text = Wait a little and try again.
problem-slow = This took too long
problem-slow-text = The connection is slow. Try again; what you wrote is still on this device.
problem-frozen = This was not saved
problem-frozen-text = The storage has not been answering since { $since }. Your text is still on this device. Try again or call the duty officer.
problem-full = This was not saved: the disk is full
problem-full-text = The storage has no room left. What you did was not saved; what was there before is safe. Your text is still on this device. Call the duty officer and the administrator: as soon as there is room, work goes on.
problem-unforeseen = This did not work
problem-unforeseen-text = The fault is ours and is in the log. Try again or call the duty officer.
problem-moment = This moment cannot be shown
problem-moment-text = Write the day as 15 dec 2022, not later than today, and the position as a number from the journal. Go back and choose again.
problem-past = Nothing changes in an earlier moment
problem-past-text = Nothing was saved. Go back to now, and do it there.
problem-building = That moment is being built
problem-building-text = { $n } % is done. This page reloads itself.
problem-building-waits = Others look at another moment; you are next. This page reloads itself.
problem-back = To the duty desk
problem-about = What is wrong: { $field }: { $why }.

# Why a field is not right.
why-empty = fill this in
why-length = this is too long or too short
why-password = use { $min } to { $max } characters
why-mailbox = this is not a mail address; write it like name@example.be
why-phone = this contains something other than digits; write it like 0470 00 00 00
why-signs = this may not contain spaces
why-taken = this is in use already
why-unknown = we do not know this
why-past = this is in the past
why-future = this is in the future
why-time = we do not understand this time; write it like 15 Dec 2022 03:04
why-twice = that night had this hour twice; write CET or CEST after it
why-too-many = this is too many at once
why-same = it is this already; choose another one
why-itself = this is the same one
why-team = the team itself stays
why-conflict = somebody else changed this meanwhile
why-decided = this was decided already
why-undone = this was undone already
why-undo-gone = this can no longer be undone
why-sent = this mail has left already
why-choose = choose one
why-reference = write a reference such as I-7KQ4-92XD
why-day = this is no day; write it as 2022-12-15
why-position = this is no position; write a number from the journal
why-beyond = the journal has not come that far yet
field-op = day
field-bekend = position in the journal
field-organisation = organisation
field-address = address
field-login = login
field-name = name
field-label = description
field-title = title
field-severity = severity
field-sector-severity = severity for the sector
field-tlp = TLP
field-pap = PAP
field-phase = phase
field-lead = lead
field-class = incident type
field-board = board
field-text = text
field-why = why
field-event-at = time
field-assignee = who
field-due = due
field-value = value
field-reason = reason
field-subject = subject
field-to = to
field-until = until
field-of = reference
field-reports = reports
field-password = password
field-code = code
field-phone = phone
field-role = rights
field-kind = kind
done-password-set = Your password was changed.
done-organisation-added = The organisation is there.
done-person-disabled = The account was closed.
done-woken = { $about } is to be judged again.
done-erasure-withdrawn = { $about } will not be erased.
done-mail-withdrawn = The mail was taken back and will not leave.
done-person-enabled = The account can sign in again.
done-person-changed = The account was changed.
done-organisation-renamed = The organisation has another name.
done-erasure-asked = The erasure of { $about } was asked for.
done-erased = { $about } was erased.
done-held = { $about } was updated.
why-last-admin = this is the last administrator
why-register-loaded = there is a register already
field-account = account
why-circle = that would run in a circle
why-undecided = decide about this report first
why-asked-long-ago = the request is too old; ask again
why-cannot-see = this person does not see it
why-changed = this was changed meanwhile
why-countersigned = this was confirmed already
why-dropped = this incident was dropped
why-held = erasing is blocked, so this stays where it is
why-not-asked = nobody asked for this
why-withdrawn = this was withdrawn already
why-worked-on = work was done on it already
field-report = report
done-merged = { $about } goes on there now.
done-parted = { $about } goes its own way again.
done-split = { $about } was split off.
done-moved = The chosen messages of { $about } were moved.
why-merged = it goes on in another incident already
why-not-in-incident = it does not belong to the incident
why-others-see = others get to see it then; move it or judge it again, and tick that they may
why-not-closed = close the incident first
field-into = incident
field-widen = others
field-elsewhere = incident
field-incident = incident
done-restored = Saved: the backup was restored.
field-backup = name of the backup
field-made-at = time
field-days = how long
field-from = from when
field-source = source
why-days = write a number from 1 to 36525
why-far = this is more than ten years ahead
why-early = this is before the year 1900
done-term-set = Saved: the term is set.
key-appraise = correct a report: board, kind
key-tabs = timeline, conversation, tasks, observables of an incident
key-phase = phase of an incident
key-severity = severity of an incident
key-lead = who leads an incident
key-title = title of an incident
